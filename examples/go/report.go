package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "facewire/examples/go/facewirev1"
)

type object = map[string]any

// report prints what was found, or why nothing was, and returns whether there was an answer.
func report(path string, response *pb.DetectResponse, err error) bool {
	line := object{"image": path}
	if err != nil {
		line["error"] = explain(err)
	} else {
		faces := []object{}
		for _, each := range response.Detections {
			box, landmarks := each.Box, [][]float32{}
			for _, point := range each.Landmarks {
				landmarks = append(landmarks, []float32{point.X, point.Y})
			}
			faces = append(faces, object{
				"box":        []float32{box.XMin, box.YMin, box.XMax, box.YMax},
				"confidence": each.Confidence,
				"label":      each.Label,
				"class_id":   each.ClassId,
				"landmarks":  landmarks,
			})
		}
		line["width"], line["height"] = response.ImageWidth, response.ImageHeight
		line["model"], line["model_version"] = response.ModelName, response.ModelVersion
		line["faces"] = faces
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
	return err == nil
}

// explain says why a call failed: the reason is in the ErrorInfo of the server's errors.
func explain(err error) object {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return object{"code": "INVALID_ARGUMENT", "reason": "UNREADABLE_FILE", "message": err.Error()}
	}
	status, reason := status.Convert(err), ""
	for _, detail := range status.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "facewire" {
			reason = info.Reason
		}
	}
	name := code.Code(status.Code()).String()
	return object{"code": name, "reason": reason, "message": status.Message()}
}

// frameError is the error that a call for this photo alone would have had.
func frameError(frame *pb.FrameError) error {
	info := &errdetails.ErrorInfo{Domain: "facewire", Reason: frame.Reason}
	result, err := status.New(codes.Code(frame.Code), frame.Message).WithDetails(info)
	if err != nil {
		return err
	}
	return result.Err()
}

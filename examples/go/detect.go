package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	pb "facewire/examples/go/facewirev1"
)

const window = 16 // photos of a stream that are on their way at a time

// detectPhoto asks for one photo, and returns whether it was answered.
func detectPhoto(ctx context.Context, client pb.DetectServiceClient, path string) bool {
	ctx, cancel := withTimeout(ctx, 1)
	defer cancel()
	request, err := read(path)
	if err != nil {
		return report(path, nil, err)
	}
	response, err := client.Detect(ctx, request)
	return report(path, response, err)
}

// A photo whose answer is awaited; err says why it was not sent.
type photo struct {
	path string
	err  error
}

// detectFolder sends photos on one stream, and returns whether all were answered.
func detectFolder(ctx context.Context, client pb.DetectServiceClient, paths []string) bool {
	ctx, cancel := withTimeout(ctx, len(paths))
	defer cancel() // ends the stream
	stream, err := client.DetectStream(ctx)
	if err != nil {
		for _, path := range paths {
			report(path, nil, err)
		}
		return len(paths) == 0
	}
	photos := make(chan photo, window-1) // the loop below holds one more
	go func() {
		defer close(photos)
		for _, path := range paths {
			request, err := read(path)
			photos <- photo{path, err}
			if err == nil {
				// Of a broken stream, Recv has the error.
				_ = stream.Send(&pb.DetectStreamRequest{Request: request})
			}
		}
		_ = stream.CloseSend()
	}()
	answered := true
	for photo := range photos { // answers come in the order of the photos
		var answer *pb.DetectStreamResponse
		if photo.err == nil {
			answer, photo.err = stream.Recv() // once broken, it repeats its error
		}
		if failure := answer.GetError(); failure != nil {
			photo.err = frameError(failure)
		}
		answered = report(photo.path, answer.GetResponse(), photo.err) && answered
	}
	return answered
}

// files returns the paths of the files in a folder, in the order of their names.
func files(folder string, entries []os.DirEntry) []string {
	var paths []string
	for _, entry := range entries {
		if !entry.IsDir() {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	return paths
}

func withTimeout(ctx context.Context, photos int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(*timeout*float64(photos)*float64(time.Second)))
}

func read(path string) (*pb.DetectRequest, error) {
	photo, err := os.ReadFile(path)
	return &pb.DetectRequest{Image: &pb.DetectRequest_EncodedImage{EncodedImage: photo}}, err
}

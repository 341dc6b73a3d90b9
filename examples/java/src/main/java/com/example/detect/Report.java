package com.example.detect;

import com.facewire.v1.DetectResponse;
import com.facewire.v1.Detection;
import com.facewire.v1.FrameError;
import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import java.nio.file.Path;
import java.util.List;

/** Prints what was found (and returns true), or why nothing was (and returns false). */
final class Report {
  private record Found(
      String image, int width, int height, String model, String modelVersion, List<Face> faces) {}

  private record Face(
      float[] box, float confidence, String label, int classId, List<float[]> landmarks) {}

  private record Failed(String image, Failure error) {}

  private record Failure(String code, String reason, String message) {}

  private static final Gson GSON =
      new GsonBuilder()
          .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
          .disableHtmlEscaping()
          .create();

  private Report() {}

  static boolean found(Path photo, DetectResponse response) {
    List<Face> faces = response.getDetectionsList().stream().map(Report::face).toList();
    print(
        new Found(
            photo.toString(),
            response.getImageWidth(),
            response.getImageHeight(),
            response.getModelName(),
            response.getModelVersion(),
            faces));
    return true;
  }

  static boolean failed(Path photo, Exception error) {
    if (error instanceof StatusException failure) {
      Status status = failure.getStatus();
      String message = status.getDescription() == null ? "" : status.getDescription();
      return failed(photo, status.getCode(), reason(failure), message);
    }
    return failed(photo, Status.Code.INVALID_ARGUMENT, "UNREADABLE_FILE", error.toString());
  }

  static boolean failed(Path photo, FrameError error) {
    Status.Code code = Status.fromCodeValue(error.getCode()).getCode();
    return failed(photo, code, error.getReason(), error.getMessage());
  }

  private static boolean failed(Path photo, Status.Code code, String reason, String message) {
    print(new Failed(photo.toString(), new Failure(code.name(), reason, message)));
    return false;
  }

  private static void print(Object line) {
    System.out.println(GSON.toJson(line));
  }

  private static Face face(Detection detection) {
    var box = detection.getBox();
    return new Face(
        new float[] {box.getXMin(), box.getYMin(), box.getXMax(), box.getYMax()},
        detection.getConfidence(),
        detection.getLabel(),
        detection.getClassId(),
        detection.getLandmarksList().stream()
            .map(point -> new float[] {point.getX(), point.getY()})
            .toList());
  }

  /** Returns the reason in the ErrorInfo that the server's errors carry, or "". */
  private static String reason(StatusException error) {
    com.google.rpc.Status status = StatusProto.fromThrowable(error);
    try {
      for (Any detail : status == null ? List.<Any>of() : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          return detail.unpack(ErrorInfo.class).getReason();
        }
      }
    } catch (InvalidProtocolBufferException notOurs) {
      // A proxy may have made this error.
    }
    return "";
  }
}

import { status as codes, type ServiceError } from "@grpc/grpc-js";
import type { DetectResponse__Output as DetectResponse } from "./generated/facewire/v1/DetectResponse.js";
import type { FrameError__Output as FrameError } from "./generated/facewire/v1/FrameError.js";
import { protos } from "./protos.js";

const rpc = protos.google.rpc;

/** Prints what was found in a photo; returns true: it was answered. */
export function found(image: string, response: DetectResponse): boolean {
  const faces = response.detections.map(({ box, confidence, label, class_id, landmarks }) => ({
    box: [box?.x_min, box?.y_min, box?.x_max, box?.y_max],
    confidence,
    label,
    class_id,
    landmarks: landmarks.map(({ x, y }) => [x, y]),
  }));
  const { image_width: width, image_height: height } = response;
  const { model_name: model, model_version } = response;
  console.log(JSON.stringify({ image, width, height, model, model_version, faces }));
  return true;
}

/** Prints why nothing was found: a call, a frame or the reading of a file failed. Returns false. */
export function failed(image: string, error: unknown): boolean {
  console.log(JSON.stringify({ image, error: explain(error) }));
  return false;
}

function explain(error: unknown): { code: string; reason: string; message: string } {
  if (isServiceError(error)) {
    return { code: codes[error.code], reason: reasonOf(error), message: error.details };
  }
  if (isFrameError(error)) {
    return { code: codes[error.code] ?? "UNKNOWN", reason: error.reason, message: error.message };
  }
  if (error instanceof Error && "syscall" in error) {
    return { code: "INVALID_ARGUMENT", reason: "UNREADABLE_FILE", message: error.message };
  }
  return { code: "INTERNAL", reason: "", message: String(error) };
}

/** Returns the reason in the ErrorInfo that the server's errors carry, or "". */
function reasonOf(error: ServiceError): string {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) {
    return "";
  }
  for (const detail of rpc.Status.deserialize(bytes).details) {
    const { type_url, value } = detail as { type_url: string; value: Buffer };
    if (type_url.endsWith("/google.rpc.ErrorInfo")) {
      return rpc.ErrorInfo.deserialize(value).reason;
    }
  }
  return "";
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "metadata" in error;
}

function isFrameError(error: unknown): error is FrameError {
  return typeof error === "object" && error !== null && "reason" in error;
}

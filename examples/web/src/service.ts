/** The calls to the server, over gRPC-Web to the host that served the page. */
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { DetectRequestSchema, DetectService } from "./gen/facewire/v1/detect_pb";
import type { DetectResponse, Model } from "./gen/facewire/v1/detect_pb";

/** How long a call may take. The server refuses at once what it cannot finish in time. */
export const DEADLINE_S = 10;

const client = createClient(
  DetectService,
  createGrpcWebTransport({ baseUrl: location.origin, defaultTimeoutMs: DEADLINE_S * 1000 }),
);

/** What a person has set. */
export interface Settings {
  /** The name of a model; empty: the server's default. */
  model: string;
  /** The lowest confidence to keep, in [0, 1]; undefined: the model's default. */
  minConfidence: number | undefined;
}

export interface Answer {
  response: DetectResponse;
  /** From sending the request to having the answer, in milliseconds. */
  roundTripMs: number;
}

/** The models that the server has loaded, the default one first. Throws ConnectError. */
export async function listModels(): Promise<Model[]> {
  return (await client.listModels({})).models;
}

/** Find the faces in an image file. Throws ConnectError. */
export async function detect(image: Blob, settings: Settings): Promise<Answer> {
  const encodedImage = new Uint8Array(await image.arrayBuffer());
  const { model, minConfidence } = settings;
  const request = create(DetectRequestSchema, {
    image: { case: "encodedImage", value: encodedImage },
    model,
    options: { minConfidence },
  });
  const start = performance.now();
  const response = await client.detect(request);
  return { response, roundTripMs: performance.now() - start };
}

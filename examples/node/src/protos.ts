import { fileURLToPath } from "node:url";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { ProtoGrpcType as Detect } from "./generated/detect.js";
import type { ProtoGrpcType as Details } from "./generated/error_details.js";
import type { ProtoGrpcType as Status } from "./generated/status.js";

const files = ["facewire/v1/detect.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"];
const folders = ["../../../proto", "../node_modules/google-proto-files"];

// The options are those of `npm run generate`, which writes the types.
const definition = loadSync(files, {
  includeDirs: folders.map((folder) => fileURLToPath(new URL(folder, import.meta.url))),
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

export const protos = loadPackageDefinition(definition) as unknown as Detect & Details & Status;

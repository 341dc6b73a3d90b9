/** Finds the faces in photos and prints one line of JSON for each of them. */
import { readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import type { DetectResponse__Output as DetectResponse } from "./generated/facewire/v1/DetectResponse.js";
import type { DetectStreamResponse__Output as DetectStreamResponse } from "./generated/facewire/v1/DetectStreamResponse.js";
import { protos } from "./protos.js";
import { failed, found } from "./report.js";

const USAGE = `usage: detect [OPTION]... PHOTO|FOLDER...
  --server HOST:PORT   default: 127.0.0.1:50051
  --ca FILE            encrypt, and trust the authorities in this PEM file
  --token-file FILE    holds the token to show
  --timeout SECONDS    what a photo may take; default: 30`;

// A server that is full or absent is asked again, after the time that it asks for if it does.
// CANCELLED: a server that stops cancels calls that it has not begun.
const SERVICE_CONFIG = {
  methodConfig: [
    {
      name: [{ service: "facewire.v1.DetectService", method: "Detect" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.1s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
      },
    },
  ],
};

const WINDOW = 16; // photos of a stream that are on their way at a time

type Client = InstanceType<typeof protos.facewire.v1.DetectService>;

/** What all calls have: the client, the headers, and the seconds that a photo may take. */
interface Connection {
  client: Client;
  metadata: Metadata;
  seconds: number;
}

/** Returns a client, which connects at its first call. */
function newClient(server: string, ca?: string): Client {
  const encryption = ca ? credentials.createSsl(readFileSync(ca)) : credentials.createInsecure();
  return new protos.facewire.v1.DetectService(server, encryption, {
    "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
    // A larger message is not sent again; the default is 1 MiB.
    "grpc.per_rpc_retry_buffer_size": 33 << 20,
    "grpc.keepalive_time_ms": 60_000,
  });
}

/** Asks for one photo; returns whether it was answered. */
async function detectPhoto(connection: Connection, path: string): Promise<boolean> {
  const { client, metadata, seconds } = connection;
  try {
    const request = { encoded_image: await readFile(path) };
    const response = await new Promise<DetectResponse>((resolve, reject) => {
      const deadline = Date.now() + 1000 * seconds;
      client.Detect(request, metadata, { deadline }, (error, answer) =>
        answer ? resolve(answer) : reject(error),
      );
    });
    return found(path, response);
  } catch (error) {
    return failed(path, error);
  }
}

/** Sends photos on one stream, which answers them in their order; returns whether it did. */
async function detectPhotos(connection: Connection, paths: string[]): Promise<boolean> {
  const { client, metadata, seconds } = connection;
  const call = client.DetectStream(metadata, {
    deadline: Date.now() + 1000 * seconds * paths.length,
  });
  const answers: DetectStreamResponse[] = [];
  let broken: unknown = new Error("the server ended the stream early");
  let ended = false;
  let wake = () => {};
  // Not `for await`: it drops the answers that arrived before an error.
  call.on("data", (answer) => {
    answers.push(answer);
    wake();
  });
  call.on("error", (error) => {
    broken = error;
  });
  call.on("end", () => {
    ended = true;
    wake();
  });

  async function receive(path: string): Promise<boolean> {
    while (answers.length === 0 && !ended) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const answer = answers.shift();
    if (!answer) return failed(path, broken);
    return answer.response ? found(path, answer.response) : failed(path, answer.error);
  }

  const waiting: (() => Promise<boolean>)[] = [];
  let answered = true;
  for (const path of paths) {
    if (waiting.length === WINDOW) {
      answered = (await waiting.shift()!()) && answered;
    }
    try {
      call.write({ request: { encoded_image: await readFile(path) } });
      waiting.push(() => receive(path));
    } catch (error) {
      waiting.push(async () => failed(path, error));
    }
  }
  call.end();
  for (const settle of waiting) {
    answered = (await settle()) && answered;
  }
  return answered;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map(({ name }) => join(folder, name)).sort();
}

async function main(): Promise<number> {
  let paths: string[];
  let connection: Connection;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        server: { type: "string", default: "127.0.0.1:50051" },
        ca: { type: "string" },
        "token-file": { type: "string" },
        timeout: { type: "string", default: "30" },
      },
    });
    paths = positionals;
    const metadata = new Metadata();
    if (values["token-file"]) {
      const token = readFileSync(values["token-file"], "utf8").trim();
      metadata.set("authorization", `Bearer ${token}`);
    }
    const client = newClient(values.server, values.ca);
    connection = { client, metadata, seconds: Number(values.timeout) };
  } catch (error) {
    console.error(`detect: ${error instanceof Error ? error.message : error}`);
    return 2;
  }
  if (paths.length === 0) {
    console.error(USAGE);
    return 2;
  }
  let answered = true;
  for (const path of paths) {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    const done = isFolder
      ? detectPhotos(connection, await filesIn(path))
      : detectPhoto(connection, path);
    answered = (await done) && answered;
  }
  connection.client.close();
  return answered ? 0 : 1;
}

process.exitCode = await main();

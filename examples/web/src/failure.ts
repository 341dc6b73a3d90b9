/** What to tell a person about a call that failed. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";
import { DEADLINE_S } from "./service";

export interface Failure {
  /** One plain sentence. */
  sentence: string;
  /** The gRPC status, in capitals, and the reason of the server's ErrorInfo, if there is one. */
  cause: string;
  /** Whether the same call may succeed later. */
  temporary: boolean;
  /** When to make the call again without being asked to, in milliseconds from now. */
  retryMs?: number;
}

/** When to call again after a proxy's limit of requests, which says nothing of it. */
const LIMITED_MS = 1000;

const TEMPORARY = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Internal,
]);

/** Describe anything that was thrown by a call. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const status = Code[error.code].replace(/(?<=.)[A-Z]/g, "_$&").toUpperCase();
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "facewire");
  const retryMs = retryAfter(error, info !== undefined);
  const temporary = retryMs !== undefined || TEMPORARY.has(error.code);
  if (info) {
    const cause = `${status}: ${info.reason}`;
    return { sentence: asSentence(error.rawMessage), cause, temporary, retryMs };
  }
  // fetch throws a TypeError where nothing answers, or where what answers is cut off.
  if (error.cause instanceof TypeError) {
    const sentence = `Nothing answers at ${location.host}. Is Envoy running?`;
    return { sentence, cause: "", temporary: true };
  }
  return { sentence: withoutReason(error), cause: status, temporary, retryMs };
}

/** What the server says about another try: it may be negative, which means that none helps. */
function retryAfter(error: ConnectError, fromServer: boolean): number | undefined {
  const pushback = Number.parseInt(error.metadata.get("grpc-retry-pushback-ms") ?? "", 10);
  if (Number.isNaN(pushback)) {
    return !fromServer && error.code === Code.ResourceExhausted ? LIMITED_MS : undefined;
  }
  return pushback >= 0 ? pushback : undefined;
}

/** A sentence about a failure that the proxy or the browser found, not the server. */
function withoutReason(error: ConnectError): string {
  if (error.code === Code.Unavailable) {
    return "The face server does not answer. Is facewire-server running?";
  }
  if (error.code === Code.DeadlineExceeded) {
    return `There was no answer within ${DEADLINE_S} seconds.`;
  }
  if (error.code === Code.ResourceExhausted) {
    return "There were too many calls from here in a short time.";
  }
  return asSentence(error.rawMessage || "The call failed");
}

function asSentence(message: string): string {
  const end = /[.?!]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}

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
}

const TEMPORARY = new Set([
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Internal,
]);

/** Describe anything that was thrown by a call. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const status = Code[error.code].replace(/(?<=.)[A-Z]/g, "_$&").toUpperCase();
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "facewire");
  if (info) {
    const sentence = asSentence(error.rawMessage);
    return { sentence, cause: `${status}: ${info.reason}`, temporary: TEMPORARY.has(error.code) };
  }
  // fetch throws a TypeError where nothing answers, or where what answers is cut off.
  if (error.cause instanceof TypeError) {
    const sentence = `Nothing answers at ${location.host}. Is Envoy running?`;
    return { sentence, cause: "", temporary: true };
  }
  return {
    sentence: withoutReason(error),
    cause: status,
    temporary: TEMPORARY.has(error.code),
  };
}

/** A sentence about a failure that the proxy or the browser found, not the server. */
function withoutReason(error: ConnectError): string {
  if (error.code === Code.Unavailable) {
    return "The face server does not answer. Is facewire-server running?";
  }
  if (error.code === Code.DeadlineExceeded) {
    return `There was no answer within ${DEADLINE_S} seconds.`;
  }
  return asSentence(error.rawMessage || "The call failed");
}

function asSentence(message: string): string {
  const end = /[.?!]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}

/**
 * What can go wrong, as a code that programs branch on and as words for people.
 *
 *   TertuliaError          anything this library throws or reports
 *     code  number         the code of a frame or an HTTP answer (docs/protocol)
 *     code  LocalCode      what happened on this side, where no server gave a number
 */

export type LocalCode = "unreachable" | "timeout" | "signed-out" | "insecure" | "room-lost" | "no-path" | "closed";

export type ErrorCode = number | LocalCode;

export class TertuliaError extends Error {
  override readonly name = "TertuliaError";

  constructor(
    readonly code: ErrorCode,
    message?: string,
  ) {
    super(message ?? words(code));
  }
}

const WORDS: Readonly<Record<string, string>> = {
  400: "The server did not understand us.",
  401: "Wrong name or password.",
  403: "You are not admitted to this call.",
  404: "Nobody can be reached under that name.",
  408: "No answer.",
  409: "Already invited to this call.",
  413: "That was too large for the server.",
  429: "Too many requests: wait a moment and try again.",
  486: "Busy.",
  487: "Cancelled, or answered on another device.",
  500: "The server failed; try again.",
  502: "The server cannot be reached.",
  503: "No media server is free at the moment.",
  603: "Declined.",
  unreachable: "The server cannot be reached.",
  timeout: "The server did not answer in time.",
  "signed-out": "You have been signed out. Please sign in again.",
  insecure: "The browser gives camera and microphone only to pages served by https or from localhost.",
  "room-lost": "The media server has lost this call.",
  "no-path": "No connection to the media server could be made: a firewall may be in the way.",
  closed: "The connection was closed.",
};

/** The sentence for a code; a code that we do not know is at least named. */
export function words(code: ErrorCode): string {
  return WORDS[String(code)] ?? `Something went wrong (code ${code}).`;
}

/** Any thrown thing as one of ours, so that it has a code and a sentence. */
export function asTertuliaError(thrown: unknown): TertuliaError {
  if (thrown instanceof TertuliaError) return thrown;
  return new TertuliaError(500, thrown instanceof Error ? thrown.message : String(thrown));
}

/** What to show for any thrown thing: our sentence where we have one for its code, else what it says itself. */
export function sentence(thrown: unknown): string {
  const { code, message } = asTertuliaError(thrown);
  return WORDS[String(code)] ?? message;
}

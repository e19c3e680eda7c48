/**
 * One request to be let into somebody's call, from the question to the invitation that grants it.
 *
 * client -> **asking** -> signaling; the invitation that names this request is taken without ringing
 */

import { refusedWords } from "./call";
import type { ErrorCode } from "./errors";
import type { InvitationFrame, MediaTypes } from "./frames";
import { freshId } from "./ids";
import { Rooms } from "./rooms";
import type { Signaling } from "./signaling";

export class Asking {
  readonly requestID = freshId();

  constructor(
    private readonly signaling: Signaling,
    /** Who is asked: a user id or what was typed. */
    readonly to: string,
    readonly media: MediaTypes,
  ) {}

  /** Resolves when it is granted; throws a TertuliaError with the code of a refusal. */
  async answer(): Promise<void> {
    await new Rooms(this.signaling).inviteRequest(this.to, this.media, this.requestID);
  }

  /** Whether `frame` is the invitation that I asked for. */
  isGrantedBy(frame: InvitationFrame): boolean {
    return frame.inReplyTo === this.requestID;
  }

  takeBack(): void {
    this.signaling.cancel("inviteRequest", this.requestID);
  }
}

/** Why `name` did not let me in. */
export function askedWords(code: ErrorCode, name: string): string {
  if (code === 603) return `${name} did not let you in.`;
  if (code === 409) return `You have asked ${name} already, on this device or another.`;
  if (code === 487) return "The request to be let in was taken back.";
  return refusedWords(code, name);
}

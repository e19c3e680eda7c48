/**
 * The invitations that a call has sent and that nobody has answered yet.
 *
 * call session -> **inviting** -> signaling
 */

import type { MediaTypes } from "./frames";
import { freshId } from "./ids";
import type { Signaling } from "./signaling";

export interface Invitation {
  /** A user, or a group. */
  readonly to: string;
  readonly room: string;
  readonly media: MediaTypes;
  /** The request to be invited that it grants. */
  readonly inReplyTo?: string | undefined;
}

export class Inviting {
  /** Request id → whom. */
  readonly #open = new Map<string, string>();

  constructor(private readonly signaling: Signaling) {}

  /** Whom the open ones are to. */
  get names(): string[] {
    return [...this.#open.values()];
  }

  /** Rings; resolves to who accepted, and throws why nobody did. */
  async send({ to, room, media, inReplyTo }: Invitation): Promise<string | undefined> {
    const requestID = freshId();
    this.#open.set(requestID, to);
    const payload = inReplyTo === undefined ? { room } : { room, inReplyTo };
    const fields = { to, mediatypes: media, context: { contextInfo: {} }, payload };
    try {
      const { whoAccepted } = await this.signaling.request("invitation", fields, { requestID, timeoutMs: null });
      return whoAccepted;
    } finally {
      this.#open.delete(requestID);
    }
  }

  /** Nobody is to come any more. */
  cancelAll(): void {
    for (const requestID of this.#open.keys()) this.signaling.cancel("invitation", requestID);
  }
}

/**
 * What asks its user for an answer on this device: invitations that ring, and people who ask to be let in.
 *
 * signaling -> **ringing** -> client (accept, decline, let in); incoming.ts has the rules
 */

import { Emitter } from "./emitter";
import type { InvitationFrame, InviteRequestFrame, Moved } from "./frames";
import { MAX_RINGING, movedTo, ring, ringOnly, stopRinging, type Incoming } from "./incoming";

/** Rings go on while the connection to signaling is lost for less than this; a call rings no longer (invites.expiration). */
const KEPT_MS = 30_000;

export class Ringing extends Emitter<{ change: undefined }> {
  #incoming: Incoming = [];
  #requests: readonly InviteRequestFrame[] = [];
  #timer: number | undefined;

  /** The invitations that ring. */
  get incoming(): Incoming {
    return this.#incoming;
  }

  /** People who ask to be invited into my call. */
  get requests(): readonly InviteRequestFrame[] {
    return this.#requests;
  }

  ring(frame: InvitationFrame): void {
    this.#become(ring(this.#incoming, frame), this.#requests);
  }

  /** The invitation rings no more; null: it did not ring. */
  take(requestID: string | undefined): InvitationFrame | null {
    const found = this.#incoming.find((one) => one.requestID === requestID) ?? null;
    this.#become(stopRinging(this.#incoming, requestID), this.#requests);
    return found;
  }

  ask(frame: InviteRequestFrame): void {
    const others = this.#requests.filter((one) => one.requestID !== frame.requestID);
    this.#become(this.#incoming, [...others, frame].slice(0, MAX_RINGING));
  }

  /** The request waits no more; null: it did not wait. */
  takeRequest(requestID: string | undefined): InviteRequestFrame | null {
    const found = this.#requests.find((one) => one.requestID === requestID) ?? null;
    this.#become(
      this.#incoming,
      this.#requests.filter((one) => one !== found),
    );
    return found;
  }

  /** What signaling says rings here, after a reconnection; what it does not list any more stops. */
  only(listed: readonly (InvitationFrame | InviteRequestFrame)[]): void {
    const invitations = listed.filter((one) => one.kind === "invitation");
    const requests = listed.filter((one) => one.kind === "invite-request");
    this.#become(ringOnly(this.#incoming, invitations), requests);
  }

  /** A room is at another node now. */
  move(moved: Moved): void {
    this.#become(movedTo(this.#incoming, moved), this.#requests);
  }

  /** Signaling is there: what it says counts again. */
  stay(): void {
    window.clearTimeout(this.#timer);
  }

  /** Signaling is away: what rings goes on for a while. */
  fade(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#become([], this.#requests), KEPT_MS);
  }

  clear(): void {
    window.clearTimeout(this.#timer);
    this.#become([], []);
  }

  #become(incoming: Incoming, requests: readonly InviteRequestFrame[]): void {
    this.#incoming = incoming;
    this.#requests = requests;
    this.emit("change", undefined);
  }
}

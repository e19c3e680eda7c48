/**
 * The calls of this device: the one in front, and one on hold behind it while its user asks a third person (an attended
 * transfer).
 *
 * client -> **calls** -> call sessions
 *
 *   in a call ── consult ──> [on hold, asking] ── connect ──> handed over: both are out of it for me (or all talk together)
 *                                   ├── back, or who was asked is gone ──> in the call, as before
 *                                   └── who was on hold is gone ──> in a call with who was asked
 */

import { isTrouble } from "./call";
import type { CallSession } from "./call-session";
import { Emitter } from "./emitter";
import { asTertuliaError } from "./errors";
import type { Rooms } from "./rooms";
import { notConnected } from "./transfer";

export interface CallsEvents {
  change: undefined;
  ended: CallSession;
}

export class Calls extends Emitter<CallsEvents> {
  #current: CallSession | null = null;
  #parked: CallSession | null = null;
  #isBusy = false;

  constructor(
    private readonly rooms: () => Rooms,
    private readonly nameOf: (user: string) => string,
  ) {
    super();
  }

  /** The call in front, or the last one with its ending. */
  get current(): CallSession | null {
    return this.#current;
  }

  /** The call on hold behind it. */
  get parked(): CallSession | null {
    return this.#parked;
  }

  get isInCall(): boolean {
    return this.#current !== null && this.#current.state.phase !== "ended";
  }

  /** The two calls are being connected, or the first is being held. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** `call` is the one in front from now on; whatever went on before is over by then. */
  take(call: CallSession): CallSession {
    this.#current = call;
    call.on("change", () => this.emit("change", undefined));
    call.on("ended", () => this.#onEnded(call));
    this.emit("change", undefined);
    return call;
  }

  /** Holds the call and makes another with `place`, to ask before handing over; not done when holding is refused. */
  async consult(place: () => CallSession): Promise<void> {
    const held = this.#current;
    if (held?.state.phase !== "connected" || this.#parked !== null) return;
    await this.#alone(async () => {
      const isHeld = await held.room.setHeld(true);
      if (!isHeld || this.#current !== held || !this.isInCall) return;
      this.#parked = held;
      this.take(place());
    });
  }

  /** Ends asking, and goes on with the call that is on hold. */
  async back(): Promise<void> {
    const parked = this.#parked;
    if (parked === null) return;
    this.#current?.hangUp();
    await parked.room.setHeld(false);
  }

  /** Brings everybody of the call on hold into the one in front; I stay with them, or leave them to each other. */
  async connect(isStaying: boolean): Promise<void> {
    const [from, into] = [this.#parked, this.#current];
    if (from === null || into?.state.phase !== "connected") return;
    await this.#alone(async () => {
      if (!(await this.#bring(from, into))) return;
      from.handOver();
      if (!isStaying) into.handOver();
    });
  }

  hangUp(): void {
    this.#current?.hangUp();
  }

  hangUpAll(): void {
    this.#parked?.hangUp();
    this.#current?.hangUp();
  }

  /** Puts an ended call out of sight. */
  forget(): void {
    if (!this.isInCall) this.#current = null;
  }

  async #bring(from: CallSession, into: CallSession): Promise<boolean> {
    for (const user of from.company) {
      if (from.room.id === null || into.room.id === null) return false;
      try {
        await this.rooms().attendedTransfer(from.room.id, user, into.room.id);
      } catch (thrown) {
        this.#current?.told.notify(notConnected(this.nameOf(user), asTertuliaError(thrown).code));
        return false;
      }
    }
    return true;
  }

  #onEnded(call: CallSession): void {
    const parked = this.#parked;
    if (parked !== null && (call === parked || call === this.#current)) {
      this.#parked = null;
      if (call === this.#current) this.#current = parked;
      this.#tellOf(call);
    }
    this.emit("ended", call);
  }

  /** Why one of the two calls is over, where I did not end it. */
  #tellOf({ state, ending }: CallSession): void {
    if (state.phase !== "ended" || ending === null) return;
    if (isTrouble(state.reason)) this.#current?.told.notify(ending);
    else if (state.reason.kind === "others-left") this.#current?.told.tell(ending);
  }

  async #alone(act: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.emit("change", undefined);
    await act().finally(() => (this.#isBusy = false));
    this.emit("change", undefined);
  }
}

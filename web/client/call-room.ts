/**
 * The room of a call as signaling has it: who is on hold, whether it is locked, who asks me to mute, and what I may ask.
 *
 * call session -> **call room** -> rooms (requests); standing.ts has the rules of what is heard
 *
 * A request that is refused is told by the event `refused`, in words, and its method gives false.
 */

import { refusedWords } from "./call";
import { Emitter } from "./emitter";
import { asTertuliaError, sentence } from "./errors";
import type { EventFrame, MediaTypes, Room } from "./frames";
import type { Rooms } from "./rooms";
import { NOTHING, answered, heard, standingOf, type MuteRequest, type Standing } from "./standing";

export interface CallRoomEvents {
  change: undefined;
  refused: string;
}

/** Who I am, and how people are named. */
export interface Names {
  readonly me: string;
  readonly nameOf: (user: string) => string;
}

export class CallRoom extends Emitter<CallRoomEvents> {
  #id: string | null = null;
  #standing: Standing = NOTHING;

  #handingTo: string | null = null;

  constructor(
    private readonly rooms: Rooms,
    private readonly names: Names,
  ) {
    super();
  }

  /** Null until there is one. */
  get id(): string | null {
    return this.#id;
  }

  get isHeld(): boolean {
    return this.#standing.held.has(this.names.me);
  }

  /** Others who are on hold. */
  get held(): string[] {
    return [...this.#standing.held].filter((user) => user !== this.names.me);
  }

  /** Nobody new is admitted. */
  get isLocked(): boolean {
    return this.#standing.isLocked;
  }

  /** Somebody asks me to mute: the call's `answerMute` says yes or no. */
  get muteRequest(): MuteRequest | null {
    return this.#standing.muteRequest;
  }

  /** To whom my place is being handed over. */
  get handingTo(): string | null {
    return this.#handingTo;
  }

  /** This is the room from now on. */
  enter(room: Room): void {
    this.#id = room.room;
    this.#standing = standingOf(room);
  }

  isOf({ payload }: EventFrame): boolean {
    return this.#id !== null && payload.roomId === this.#id;
  }

  hear(event: EventFrame): void {
    this.#become(heard(this.#standing, event));
  }

  /** The open mute request, which is answered with this. */
  takeMuteRequest(): MuteRequest | null {
    const request = this.muteRequest;
    this.#become(answered(this.#standing));
    return request;
  }

  /** My media stops both ways, or goes on; my place in the call stays. */
  async setHeld(isHeld: boolean): Promise<boolean> {
    return this.#ask((room) => (isHeld ? this.rooms.hold(room) : this.rooms.unhold(room)));
  }

  /** A locked call admits nobody new. */
  async setLocked(isLocked: boolean): Promise<boolean> {
    return this.#ask((room) => (isLocked ? this.rooms.lock(room) : this.rooms.unlock(room)));
  }

  /** Puts `user` out of the call. */
  async remove(user: string): Promise<boolean> {
    return this.#ask((room) => this.rooms.removeFromACL(room, [user]));
  }

  /** Ends the call for everybody. */
  async endForAll(): Promise<boolean> {
    return this.#ask((room) => this.rooms.destroy(room));
  }

  /** Asks `user` to mute his microphone. */
  async askToMute(user: string): Promise<boolean> {
    return this.#ask((room) => this.rooms.askToMute(room, user, "audio", true));
  }

  /** Hands my place to `to`: when he accepts I am out, when he does not I stay. */
  async handOver(to: string, media: MediaTypes): Promise<boolean> {
    if (this.#handingTo !== null) return false;
    this.#hand(to);
    const inWords = (thrown: unknown) => refusedWords(asTertuliaError(thrown).code, this.names.nameOf(to));
    const isDone = await this.#ask((room) => this.rooms.blindTransfer(room, to, media), inWords);
    this.#hand(null);
    return isDone;
  }

  /** Tells the others what I muted: they see it at the node, too, so a failure is no matter. */
  async report(media: "audio" | "video", isMuted: boolean): Promise<void> {
    if (this.#id !== null) await this.rooms.muteChange(this.#id, media, isMuted).catch(() => undefined);
  }

  #hand(to: string | null): void {
    this.#handingTo = to;
    this.emit("change", undefined);
  }

  async #ask(ask: (room: string) => Promise<unknown>, inWords = sentence): Promise<boolean> {
    if (this.#id === null) return false;
    try {
      await ask(this.#id);
      return true;
    } catch (thrown) {
      this.emit("refused", inWords(thrown));
      return false;
    }
  }

  #become(standing: Standing): void {
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.emit("change", undefined);
  }
}

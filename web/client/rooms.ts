/**
 * What may be asked of signaling about rooms, each with its frame and what the answer says.
 *
 * call session, client -> **rooms** -> signaling
 *
 * A refusal is a TertuliaError with its code.  Names of people are user ids, names or `name@domain`.
 */

import { TertuliaError } from "./errors";
import {
  isRecord,
  parseCurrent,
  parseRoom,
  parseRooms,
  texts,
  type InvitationFrame,
  type InviteRequestFrame,
  type MediaTypes,
  type Room,
} from "./frames";
import { freshId } from "./ids";
import type { Signaling } from "./signaling";

export class Rooms {
  constructor(private readonly signaling: Signaling) {}

  async create(): Promise<Room> {
    return known(await this.#ask("createRoom", {}));
  }

  /** The room and my token again, for a device that lost its state. */
  async join(room: string): Promise<Room> {
    return known(await this.#ask("joinRoom", { room }));
  }

  /** The rooms that I am admitted to. */
  async mine(): Promise<Room[]> {
    return parseRooms(await this.#ask("getRooms", {}));
  }

  /** What rings at this device now; null from a server that does not say. */
  async ringing(): Promise<(InvitationFrame | InviteRequestFrame)[] | null> {
    return parseCurrent(await this.#ask("currentInvitations", {}));
  }

  /** My media stops both ways; my place stays. */
  async hold(room: string): Promise<void> {
    await this.#ask("hold", { room });
  }

  async unhold(room: string): Promise<void> {
    await this.#ask("unhold", { room });
  }

  /** Nobody new is admitted from now on. */
  async lock(room: string): Promise<void> {
    await this.#ask("lockRoom", { room });
  }

  async unlock(room: string): Promise<void> {
    await this.#ask("unlockRoom", { room });
  }

  /** Ends the room for everybody. */
  async destroy(room: string): Promise<void> {
    await this.#ask("destroyRoom", { room });
  }

  /** Admits people without ringing them; who is admitted now. */
  async addToACL(room: string, participants: readonly string[]): Promise<string[]> {
    return admitted(await this.#ask("addToACL", { room, participants }));
  }

  /** Puts people out at once; who is admitted now. */
  async removeFromACL(room: string, participants: readonly string[]): Promise<string[]> {
    return admitted(await this.#ask("removeFromACL", { room, participants }));
  }

  /** Asks somebody to mute or unmute himself: he decides. */
  async askToMute(room: string, to: string, media: "audio" | "video", muted: boolean): Promise<void> {
    await this.#ask("mute", { media, muted, roomId: room, to });
  }

  /** Tells the room what I have muted of my own. */
  async muteChange(room: string, media: "audio" | "video", muted: boolean): Promise<void> {
    await this.#ask("muteChange", { media, muted, roomId: room });
  }

  /** `to` takes my place; resolves to who accepted, and throws why nobody did. */
  async blindTransfer(room: string, to: string, mediatypes: MediaTypes): Promise<string> {
    const fields = { payload: { room, to }, mediatypes };
    const { whoAccepted } = await this.signaling.request("blindTransfer", fields, { timeoutMs: null });
    return whoAccepted ?? to;
  }

  /** Moves a participant of `room` into `targetRoom`, where I am too; resolves when he is there. */
  async attendedTransfer(room: string, participant: string, targetRoom: string): Promise<void> {
    const fields = { payload: { room, participant, targetRoom } };
    await this.signaling.request("attendedTransfer", fields, { timeoutMs: null });
  }

  /** Asks somebody to invite me into his room; resolves when he does, and an invitation rings here. */
  async inviteRequest(to: string, mediatypes: MediaTypes, requestID = freshId()): Promise<void> {
    await this.signaling.request("inviteRequest", { to, mediatypes }, { timeoutMs: null, requestID });
  }

  async #ask(name: string, payload: object): Promise<unknown> {
    return (await this.signaling.request(name, { payload })).payload;
  }
}

function known(payload: unknown): Room {
  const room = parseRoom(payload);
  if (room === null) throw new TertuliaError(500);
  return room;
}

function admitted(payload: unknown): string[] {
  return isRecord(payload) ? texts(payload.participants) : [];
}

/**
 * The link to a room's node over Socket.IO: negotiation and what the node tells.
 *
 * room connection -> **node link** -> node
 *
 * A lost link does not end the media: the node keeps the peer for 15 s, in which the link comes back and resumes it by the
 * peer's id (auth `{room, token, peer}`, then the event `resumed`).
 */

import { io, type Socket } from "socket.io-client";

import { Emitter } from "./emitter";
import { TertuliaError } from "./errors";
import { isRecord, text, type NodeServer } from "./frames";
import type { NodeStats } from "./measuring";
import type { Occupant, ParticipantsChange, RoomSnapshot, SeatMids, TracksChange } from "./seats";
import type { Quality } from "./quality";

export interface JoinAnswer extends RoomSnapshot {
  readonly sdp: string;
  readonly seats: readonly SeatMids[];
}

export interface OfferAnswer {
  readonly sdp: string;
  readonly seats: readonly SeatMids[];
}

export interface Speaker {
  readonly participant: string;
  readonly peer: string;
  readonly level: number;
}

/** What the node tells by itself; the names are those of the wire. */
export interface NodeEvents {
  resumed: RoomSnapshot;
  seats: Readonly<Record<string, Occupant | null>>;
  participants: ParticipantsChange;
  tracks: TracksChange;
  speakers: readonly Speaker[];
  quality: Readonly<Record<string, Quality>>;
  /** Of our tracks: the layers that somebody is shown, or is about to be. */
  layers: Readonly<Record<string, readonly string[]>>;
  stats: NodeStats;
  expelled: { readonly reason: string };
  moved: { readonly server: NodeServer; readonly token: string };
  error: { readonly code: number; readonly message: string };
}

const NODE_EVENTS = [
  "resumed",
  "seats",
  "participants",
  "tracks",
  "speakers",
  "quality",
  "layers",
  "stats",
  "expelled",
  "moved",
  "error",
] as const satisfies readonly (keyof NodeEvents)[];

export interface NodeLinkEvents extends NodeEvents {
  up: undefined;
  down: undefined;
  /** The node could not be reached; it is tried again. */
  unreachable: undefined;
  /** The node answered our connection with a refusal: the token, the room or the peer is gone. */
  refused: TertuliaError;
}

const REQUEST_TIMEOUT_MS = 8_000;

export class NodeLink extends Emitter<NodeLinkEvents> {
  readonly #socket: Socket;
  /** Set once joined; presented when the link comes back. */
  peer: string | null = null;

  constructor(https: string, room: string, token: string) {
    super();
    const { origin, path } = nodeAddress(https);
    this.#socket = io(origin, {
      path,
      transports: ["websocket", "polling"],
      auth: (give) => give(this.peer === null ? { room, token } : { room, token, peer: this.peer }),
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: 200,
      reconnectionDelayMax: 2_000,
    });
    this.#socket.on("connect", () => this.emit("up", undefined));
    this.#socket.on("disconnect", (why) => this.#disconnected(why));
    this.#socket.on("connect_error", (error) => this.#connectError(error));
    for (const name of NODE_EVENTS) this.#socket.on(name, (data: NodeEvents[typeof name]) => this.emit(name, data));
  }

  get isUp(): boolean {
    return this.#socket.connected;
  }

  connect(): void {
    this.#socket.connect();
  }

  close(): void {
    this.forgetListeners();
    this.#socket.disconnect();
  }

  /** Asks the node; throws a TertuliaError with the code of a refusal, "unreachable" when the link is or gets lost. */
  async request<Answer>(event: string, data: object): Promise<Answer> {
    if (!this.#socket.connected) throw new TertuliaError("unreachable");
    const answer: unknown = await this.#socket
      .timeout(REQUEST_TIMEOUT_MS)
      .emitWithAck(event, data)
      .catch(() => {
        throw new TertuliaError(this.#socket.connected ? "timeout" : "unreachable");
      });
    if (isRecord(answer) && "error" in answer) throw refusal(answer);
    return answer as Answer;
  }

  #disconnected(why: string): void {
    this.emit("down", undefined);
    if (why === "io server disconnect") this.#socket.connect();
  }

  #connectError(error: Error & { data?: unknown }): void {
    if (this.#socket.active) return this.emit("unreachable", undefined); // Socket.IO tries again by itself
    const data = isRecord(error.data) ? error.data : {};
    this.emit("refused", refusal({ message: error.message, ...data }));
  }
}

/** `wss://host/sfu1/socket.io` as what socket.io-client wants: an origin and a path. */
export function nodeAddress(https: string): { origin: string; path: string } {
  const url = new URL(https);
  const scheme = url.protocol === "wss:" || url.protocol === "https:" ? "https:" : "http:";
  return { origin: `${scheme}//${url.host}`, path: url.pathname };
}

/** A refusal's code is a field; Socket.IO servers that put the whole answer into the message have it in there. */
function refusal(answer: Record<string, unknown>): TertuliaError {
  const message = text(answer.message);
  const code = answer.error ?? answer.code;
  if (typeof code === "number") return new TertuliaError(code, message);
  const named = /\b(?:[45]\d\d|603)\b/.exec(message ?? "")?.[0];
  return new TertuliaError(named === undefined ? 500 : Number(named), message);
}

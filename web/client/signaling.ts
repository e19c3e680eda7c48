/**
 * QSS over Socket.IO: frames out, frames in, and a connection that comes back.
 *
 * session -> **signaling** -> client (calls)
 *
 * Frames travel in the event `message`.  Requests are answered by an ack or a frame, whichever is first (pending.ts); those
 * not answered when the connection is lost are sent again when it is back.
 */

import { io, type Socket } from "socket.io-client";

import type { Device } from "./device";
import { Emitter } from "./emitter";
import { TertuliaError, asTertuliaError } from "./errors";
import {
  isRecord,
  parseFrame,
  type AnswerFrame,
  type CancelFrame,
  type EventFrame,
  type InvitationFrame,
  type InviteRequestFrame,
} from "./frames";
import { freshId } from "./ids";
import { Pending, type Outcome } from "./pending";
import type { Session } from "./session";

export type LinkState = "connecting" | "online" | "reconnecting" | "signed-out";

export interface SignalingEvents {
  state: LinkState;
  invitation: InvitationFrame;
  /** Somebody asks to be invited into my room. */
  inviteRequest: InviteRequestFrame;
  /** A cancel that answers none of our requests: an invitation to us is over. */
  cancel: CancelFrame;
  event: EventFrame;
}

const REQUEST_TIMEOUT_MS = 15_000;
/** Another process of signaling is there at once; Socket.IO spreads this by half. */
const FIRST_RETRY_MS = 200;

export class Signaling extends Emitter<SignalingEvents> {
  readonly #socket: Socket;
  readonly #pending = new Pending();
  #state: LinkState = "connecting";
  #renewed = false;
  #isClosed = false;

  constructor(
    base: string,
    private readonly session: Session,
    private readonly device: Device,
  ) {
    super();
    this.#socket = io(base, {
      transports: ["websocket", "polling"],
      auth: (give) => void this.#authenticate(give),
      autoConnect: false,
      forceNew: true,
      reconnectionDelay: FIRST_RETRY_MS,
      reconnectionDelayMax: 3_000,
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("disconnect", (why) => this.#disconnected(why));
    this.#socket.on("connect_error", (error) => void this.#refused(error));
    this.#socket.on("message", (data: unknown) => this.#received(data));
  }

  get state(): LinkState {
    return this.#state;
  }

  connect(): void {
    this.#socket.connect();
  }

  /** Ends the connection for good; what waits for an answer fails. */
  close(): void {
    this.#isClosed = true;
    this.forgetListeners();
    this.#pending.failAll(new TertuliaError("closed"));
    this.#socket.disconnect();
  }

  /**
   * Sends a request and gives what it is answered with; throws a TertuliaError with the code of a refusal.
   *
   * `timeoutMs` null: waits as long as it takes (an invitation is answered by a person).
   */
  async request(name: string, fields: object, options: RequestOptions = {}): Promise<AnswerFrame> {
    const outcome = await this.#ask(name, fields, options);
    if (outcome.error !== undefined || outcome.kind === "cancel") {
      throw new TertuliaError(outcome.error ?? 500, outcome.message);
    }
    return outcome;
  }

  /** Leaving is answered by `cancel` 403: the wanted outcome.  Done too when signaling does not answer. */
  async leaveRoom(room: string): Promise<void> {
    await this.#ask("leaveRoom", { payload: { room } }, {}).catch(() => undefined);
  }

  /** Takes a request back: it fails with 487 at once, as signaling answers none that was taken back. */
  cancel(name: string, requestID: string): void {
    this.send({ cancel: name, requestID, error: 487 });
    this.#pending.settle({ kind: "cancel", cancel: name, requestID, error: 487, message: undefined });
  }

  /** Sends a frame that nobody answers: an answer of ours. */
  send(frame: object): void {
    this.#socket.emit("message", frame);
  }

  #ask(name: string, fields: object, { timeoutMs = REQUEST_TIMEOUT_MS, requestID = freshId() }: RequestOptions) {
    return new Promise<Outcome>((resolve, reject) => {
      const timer = timeoutMs === null ? undefined : setTimeout(() => fail(new TertuliaError("timeout")), timeoutMs);
      const fail = (error: Error) => {
        this.#pending.drop(requestID);
        clearTimeout(timer);
        reject(error);
      };
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const frame = { request: name, requestID, ...fields };
      this.#pending.add({ name, requestID, frame, settle, fail });
      if (this.#socket.connected) this.#emit(frame);
    });
  }

  #emit(frame: object): void {
    this.#socket.emit("message", frame, (ack: unknown) => {
      const outcome = parseFrame(ack);
      if (outcome?.kind === "answer" || outcome?.kind === "cancel") this.#pending.settle(outcome);
    });
  }

  #received(data: unknown): void {
    const frame = parseFrame(data);
    switch (frame?.kind) {
      case "answer":
        this.#pending.settle(frame);
        break;
      case "cancel":
        if (!this.#pending.settle(frame)) this.emit("cancel", frame);
        break;
      case "invitation":
        this.emit("invitation", frame);
        break;
      case "invite-request":
        this.emit("inviteRequest", frame);
        break;
      case "event":
        this.emit("event", frame);
        break;
    }
  }

  async #authenticate(give: (auth: object) => void): Promise<void> {
    const { device } = this;
    try {
      give({ token: await this.session.accessToken(), device });
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 401) this.#signedOut();
      else give({ token: "", device }); // SAPI is away: so is signaling, and the socket tries again
    }
  }

  #connected(): void {
    this.#renewed = false;
    for (const waiting of this.#pending.unanswered()) this.#emit(waiting.frame);
    this.#enter("online");
  }

  #disconnected(why: string): void {
    if (this.#state === "signed-out" || why === "io client disconnect") return;
    this.#enter("reconnecting");
    // Socket.IO comes back by itself from all but this: a process that stops says goodbye.
    if (why === "io server disconnect") this.#later(FIRST_RETRY_MS * (0.5 + Math.random()));
  }

  /** Signaling said no to our token, or cannot be reached (then Socket.IO tries again by itself). */
  async #refused(error: Error): Promise<void> {
    if (this.#socket.active) {
      if (this.#state === "online") this.#enter("reconnecting");
      return;
    }
    if (!isUnauthorized(error)) {
      this.#later();
      return;
    }
    if (this.#renewed) {
      this.#signedOut();
      return;
    }
    this.#renewed = true;
    try {
      await this.session.renew();
      this.#socket.connect();
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 401) this.#signedOut();
      else this.#later();
    }
  }

  #later(ms = 1_000): void {
    setTimeout(() => {
      if (this.#state !== "signed-out" && !this.#isClosed) this.#socket.connect();
    }, ms);
  }

  #signedOut(): void {
    this.#socket.disconnect();
    this.#pending.failAll(new TertuliaError("signed-out"));
    this.#enter("signed-out");
  }

  #enter(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

export interface RequestOptions {
  readonly timeoutMs?: number | null;
  readonly requestID?: string;
}

function isUnauthorized(error: Error & { data?: unknown }): boolean {
  const { data } = error;
  const code = isRecord(data) ? (data.code ?? data.error) : undefined;
  return code === "unauthorized" || code === 401 || error.message.includes("unauthorized");
}

/**
 * One call with its people, its devices and its room: the shell around call.ts.
 *
 * calls -> **call session** -> own media, call room, company watch, inviting, room connection (the node)
 *
 * Whatever ends the call (`step` decides), `#finish` closes all that is ours, once.
 */

import { IDLE, endWords, refusedWords, step, type CallEvent, type CallState } from "./call";
import { CallRoom, type Names } from "./call-room";
import { CompanyWatch } from "./company-watch";
import { Emitter } from "./emitter";
import { asTertuliaError, sentence, words, type ErrorCode } from "./errors";
import {
  parseMoved,
  parseRoom,
  text,
  type EventFrame,
  type InvitationFrame,
  type MediaTypes,
  type Moved,
  type Room,
} from "./frames";
import { Inviting } from "./inviting";
import { OwnMedia } from "./own-media";
import { RoomConnection } from "./room-connection";
import { Rooms } from "./rooms";
import type { Signaling } from "./signaling";
import { Told } from "./told";
import { TRANSFERRED, movedWords, transferOf, transferWords } from "./transfer";

/** What a call is made with: the connection to signaling, and names. */
export interface CallContext extends Names {
  readonly signaling: Signaling;
}

export interface CallSessionEvents {
  change: undefined;
  ended: undefined;
}

export class CallSession extends Emitter<CallSessionEvents> {
  /** My camera, microphone and screen. */
  readonly own = new OwnMedia();
  /** What the user is told while it goes on. */
  readonly told = new Told();
  /** Hold, lock, and whatever else may be asked of the room. */
  readonly room: CallRoom;
  // Ours; `#finish` ends them.
  #connection: RoomConnection | null = null;
  readonly #watch: CompanyWatch;
  readonly #inviting: Inviting;
  readonly #rooms: Rooms;

  #state: CallState = IDLE;
  #connectedAt: number | null = null;
  #accepting: string | null = null;

  private constructor(
    private readonly context: CallContext,
    private whom: string,
    readonly direction: "outgoing" | "incoming",
    readonly media: MediaTypes,
  ) {
    super();
    this.#rooms = new Rooms(context.signaling);
    this.room = new CallRoom(this.#rooms, context);
    this.#inviting = new Inviting(context.signaling);
    this.#watch = new CompanyWatch(() => this.invited.length > 0);
    this.#follow();
  }

  /** Calls `to` (perhaps because he asked for it): camera and microphone, a room, and then both at once: joining it and the invitation. */
  static place(context: CallContext, to: string, media: MediaTypes, inReplyTo?: string): CallSession {
    const call = new CallSession(context, to, "outgoing", media);
    call.#apply({ type: "place" });
    void call.#place(inReplyTo);
    return call;
  }

  /** Takes an invitation. */
  static accept(context: CallContext, invitation: InvitationFrame, media: MediaTypes): CallSession {
    const call = new CallSession(context, invitation.from, "incoming", media);
    call.#accepting = invitation.requestID;
    call.#watch.expect(invitation.from);
    call.#apply({ type: "accept" });
    context.signaling.send({ answer: "invitation", requestID: invitation.requestID, from: invitation.from });
    void call.#enter(invitation.room);
    return call;
  }

  /** Goes back into a room that this device was in before it was loaded anew. */
  static rejoin(context: CallContext, room: Room, media: MediaTypes): CallSession {
    const others = room.participants.filter((user) => user !== context.me);
    const call = new CallSession(context, others[0] ?? "the others", "incoming", media);
    call.#watch.startWith(others);
    call.#apply({ type: "accept" });
    void call.#enter(room);
    return call;
  }

  get state(): CallState {
    return this.#state;
  }

  /** Whom I called, who called me, or whom I was handed to: a user id or what was typed. */
  get other(): string {
    return this.whom;
  }

  get connection(): RoomConnection | null {
    return this.#connection;
  }

  /** Epoch ms at which it was answered. */
  get connectedAt(): number | null {
    return this.#connectedAt;
  }

  /** User ids of those who are in the room with me. */
  get company(): string[] {
    return this.#watch.users;
  }

  /** Those who were invited and have not answered yet. */
  get invited(): string[] {
    return this.#inviting.names;
  }

  /** Why it ended, in words; null while it goes on. */
  get ending(): string | null {
    if (this.#state.phase !== "ended") return null;
    return endWords(this.#state.reason, this.#nameOf(this.#watch.lastSeen ?? this.other));
  }

  /** Invites `to` (a user or a group) into this call, perhaps because he asked for it; a refusal is told as a notice, or ends a call that nobody else is in. */
  invite(to: string, inReplyTo?: string): void {
    void this.#invite(to, inReplyTo);
  }

  /** Does what the open mute request asks for, or leaves it. */
  async answerMute(isGranted: boolean): Promise<void> {
    const request = this.room.takeMuteRequest();
    if (request === null || !isGranted) return;
    await (request.media === "audio" ? this.own.setMuted(request.muted) : this.own.setCamera(!request.muted));
  }

  /** Hands my place to `to`: when he accepts I am out, when he does not I stay and read why. */
  async transfer(to: string): Promise<void> {
    if (await this.room.handOver(to, this.media)) this.handOver();
  }

  /** Somebody else goes on with those I talked to: I leave. */
  handOver(): void {
    this.#apply({ type: "handed-over" });
  }

  hangUp(): void {
    this.#apply({ type: "hang-up" });
  }

  /** An event of signaling; those of other rooms are none of ours. */
  onEvent(event: EventFrame): void {
    const { eventName, payload } = event;
    if (!this.room.isOf(event)) return;
    this.room.hear(event);
    if (eventName === "ringing") this.#apply({ type: "ringing" });
    if (eventName === "participant-left") this.#watch.hearLeft(payload);
    if (eventName === "room-destroyed") this.#onDestroyed(text(payload.reason));
    if (eventName === "room-moved") this.#onRoomMoved(parseMoved(payload));
    if (eventName === "transfer") this.#onTransfer(payload);
    if (eventName === "transferring-attended-transfer") this.#onMoved(parseRoom(payload.targetRoom), text(payload.by));
    if (eventName === "expelled") this.#onExpelled(text(payload.reason) ?? "not admitted any more");
  }

  /** A cancel of signaling: true when it is the end of the invitation that I accepted (another was faster). */
  onCancel(requestID: string | undefined, code: number): boolean {
    if (requestID === undefined || requestID !== this.#accepting) return false;
    this.#apply({ type: "refused", code });
    return true;
  }

  // ---- beginning

  #follow(): void {
    const changed = () => this.emit("change", undefined);
    this.own.on("change", changed);
    this.own.on("trouble", (trouble) => this.told.notify(trouble));
    this.own.on("muted", ({ media, isMuted }) => void this.room.report(media, isMuted));
    this.room.on("change", changed);
    this.room.on("refused", (words) => this.told.notify(words));
    this.told.on("change", changed);
    this.#watch.on("change", changed);
    this.#watch.on("over", ({ wereLost }) => this.#apply({ type: "others-left", wereLost }));
  }

  async #place(inReplyTo: string | undefined): Promise<void> {
    try {
      await this.own.add(this.media);
      const room = await this.#rooms.create();
      if (this.#isOver()) return void this.context.signaling.leaveRoom(room.room);
      this.#connect(room);
      await this.#invite(this.other, inReplyTo);
    } catch (thrown) {
      this.#apply({ type: "failed", text: sentence(thrown) });
    }
  }

  async #enter(room: Room): Promise<void> {
    this.room.enter(room);
    await this.own.add(this.media);
    if (!this.#isOver()) this.#connect(room);
  }

  #connect(room: Room): void {
    this.room.enter(room);
    const connection = new RoomConnection(room, this.own.stream);
    this.#connection = connection;
    connection.on("change", () => this.emit("change", undefined));
    connection.on("roster", (roster) => this.#watch.see(roster));
    connection.on("rejoining", () => this.#watch.rejoining());
    connection.on("notice", (message) => this.told.notify(message));
    connection.on("expelled", (text) => this.#onExpelled(text));
    connection.on("failed", (error) => this.#apply({ type: "failed", text: sentence(error) }));
    this.own.sendBy(connection);
    this.emit("change", undefined);
  }

  async #invite(to: string, inReplyTo?: string): Promise<void> {
    if (this.room.id === null) return;
    try {
      const user = await this.#inviting.send({ to, room: this.room.id, media: this.media, inReplyTo });
      if (user !== undefined) this.#watch.expect(user);
      this.#apply({ type: "answered" });
    } catch (thrown) {
      this.#onRefused(to, asTertuliaError(thrown).code);
    }
  }

  // ---- what happens

  #onRefused(to: string, code: ErrorCode): void {
    const isOurs = this.#state.phase === "calling" || this.#state.phase === "ringing";
    if (isOurs && this.invited.length === 0) {
      this.#apply(typeof code === "number" ? { type: "refused", code } : { type: "failed", text: words(code) });
    } else if (!this.#isOver()) {
      this.told.notify(refusedWords(code, this.#nameOf(to)));
      this.#watch.look();
    }
  }

  /**
   * A room ends when nobody's media is in it.  Who hung up was told before; when nobody did, none of us got through to
   * the node.
   */
  #onDestroyed(reason = "the room is gone"): void {
    if (reason !== "empty") this.#apply({ type: "destroyed", text: reason });
    else if (this.#connection?.state === "connecting") this.#apply({ type: "failed", text: words("no-path") });
    else this.#apply({ type: "others-left", wereLost: true });
  }

  /** Another takes my place, or somebody took it from me. */
  #onExpelled(text: string): void {
    this.#apply(text === TRANSFERRED ? { type: "handed-over" } : { type: "expelled", text });
  }

  /** Somebody hands his place over, or brings somebody: who comes is waited for. */
  #onTransfer(payload: EventFrame["payload"]): void {
    const told = transferWords(transferOf(payload), this.context.me, this.company, (user) => this.#nameOf(user));
    if (told !== null) this.told.tell(told);
  }

  /** We are moved to another room: same devices, other people. */
  #onMoved(room: Room | null, by = ""): void {
    if (room === null || this.#isOver()) return;
    this.#connection?.close();
    const others = room.participants.filter((user) => user !== this.context.me);
    const [first] = others.filter((user) => user !== by);
    this.whom = first ?? this.whom;
    this.#watch.startWith(others);
    this.#connect(room);
    this.told.tell(movedWords(by, first, (user) => this.#nameOf(user)));
  }

  /** The room goes on at another node, with the same people: all of us join there. */
  #onRoomMoved(moved: Moved | null): void {
    if (moved !== null) this.#connection?.moveTo(moved.server, moved.token);
  }

  // ---- the end

  #apply(event: CallEvent): void {
    const before = this.#state;
    this.#state = step(before, event);
    if (this.#state === before) return;
    if (this.#state.phase === "connected") this.#connectedAt ??= Date.now();
    if (this.#state.phase === "ended") this.#finish();
    this.emit("change", undefined);
  }

  #finish(): void {
    this.#inviting.cancelAll();
    this.#watch.stop();
    this.#connection?.close();
    if (this.room.id !== null && !this.#wasLate()) void this.context.signaling.leaveRoom(this.room.id);
    this.own.stop();
    this.emit("ended", undefined);
  }

  /** My accept came after another device's: leaving would take that one out too, as the ACL knows users only. */
  #wasLate(): boolean {
    return this.#state.phase === "ended" && this.#state.reason.kind === "refused" && this.direction === "incoming";
  }

  #isOver(): boolean {
    return this.#state.phase === "ended";
  }

  #nameOf(user: string): string {
    return this.context.nameOf(user);
  }
}

/**
 * One call with its people, its devices and its room: the shell around call.ts.
 *
 * client -> **call session** -> signaling (room, invitations), media (camera, microphone), room connection (the node)
 *
 * Whatever ends the call (`step` decides), `#finish` closes all that is ours, once.
 */

import { IDLE, endWords, refusedWords, step, type CallEvent, type CallState } from "./call";
import { NOBODY, accepted, deadline, isOver, left, present, rejoining, type Company } from "./company";
import { Emitter } from "./emitter";
import { asTertuliaError, sentence, words, type TertuliaError } from "./errors";
import { parseRoom, text, type EventFrame, type InvitationFrame, type MediaTypes, type Room } from "./frames";
import { freshId } from "./ids";
import { capture, captureScreen } from "./media";
import { RoomConnection } from "./room-connection";
import { Rooms } from "./rooms";
import { EMPTY_ROSTER, others, type Roster } from "./seats";
import type { Signaling } from "./signaling";
import { TRANSFERRED, movedWords, transferOf, transferWords } from "./transfer";
import { NOTHING, answered, heard, standingOf, type MuteRequest, type Standing } from "./standing";

/** The node's reason for a peer that it has not heard of any more. */
const CONNECTION_LOST = "connection lost";

/** What a call is made with: the connection to signaling, who I am, and how people are named. */
export interface CallContext {
  readonly signaling: Signaling;
  readonly me: string;
  readonly nameOf: (user: string) => string;
}

export interface CallSessionEvents {
  change: undefined;
  ended: undefined;
}

export class CallSession extends Emitter<CallSessionEvents> {
  #state: CallState = IDLE;
  #room: Room | null = null;
  #connection: RoomConnection | null = null;
  #stream = new MediaStream();
  #screen: MediaStream | null = null;
  /** Open invitations: request id → whom. */
  readonly #invited = new Map<string, string>();
  #company: Company = NOBODY;
  #companyTimer: number | undefined;
  /** Who was here last: whose leaving ends the call. */
  #lastSeen: string | null = null;
  #connectedAt: number | null = null;
  #notice: string | null = null;
  #news: string | null = null;
  #accepting: string | null = null;
  #standing: Standing = NOTHING;
  #handingTo: string | null = null;
  readonly #rooms: Rooms;

  private constructor(
    private readonly context: CallContext,
    private whom: string,
    readonly direction: "outgoing" | "incoming",
    readonly media: MediaTypes,
  ) {
    super();
    this.#rooms = new Rooms(context.signaling);
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
    call.#company = accepted(NOBODY, invitation.from);
    call.#apply({ type: "accept" });
    context.signaling.send({ answer: "invitation", requestID: invitation.requestID, from: invitation.from });
    void call.#enter(invitation.room);
    return call;
  }

  /** Goes back into a room that this device was in before it was loaded anew. */
  static rejoin(context: CallContext, room: Room, media: MediaTypes): CallSession {
    const others = room.participants.filter((user) => user !== context.me);
    const call = new CallSession(context, others[0] ?? "the others", "incoming", media);
    for (const user of others) call.#company = left(call.#company, user, true, performance.now());
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

  get room(): string | null {
    return this.#room?.room ?? null;
  }

  get connection(): RoomConnection | null {
    return this.#connection;
  }

  /** What my camera and microphone give. */
  get stream(): MediaStream {
    return this.#stream;
  }

  get screen(): MediaStream | null {
    return this.#screen;
  }

  /** Epoch ms at which it was answered. */
  get connectedAt(): number | null {
    return this.#connectedAt;
  }

  /** Something that did not work though the call goes on. */
  get notice(): string | null {
    return this.#notice;
  }

  /** What others did that is worth telling. */
  get news(): string | null {
    return this.#news;
  }

  get isMuted(): boolean {
    return this.#stream.getAudioTracks()[0]?.enabled !== true;
  }

  get isCameraOn(): boolean {
    return this.#stream.getVideoTracks().length > 0;
  }

  get isHeld(): boolean {
    return this.#standing.held.has(this.context.me);
  }

  /** Nobody new is admitted. */
  get isLocked(): boolean {
    return this.#standing.isLocked;
  }

  /** Others who are on hold. */
  get held(): string[] {
    return [...this.#standing.held].filter((user) => user !== this.context.me);
  }

  /** Somebody asks me to mute: `answerMute` says yes or no. */
  get muteRequest(): MuteRequest | null {
    return this.#standing.muteRequest;
  }

  /** To whom this call is being handed over. */
  get handingTo(): string | null {
    return this.#handingTo;
  }

  /** User ids of those who are in the room with me. */
  get company(): string[] {
    return [...this.#company.present];
  }

  /** Those who were invited and have not answered yet. */
  get invited(): string[] {
    return [...this.#invited.values()];
  }

  /** Invites `to` (a user or a group) into this call, perhaps because he asked for it; a refusal is told as a notice, or ends a call that nobody else is in. */
  invite(to: string, inReplyTo?: string): void {
    void this.#invite(to, inReplyTo);
  }

  /** My media stops both ways, or goes on; my place in the call stays.  False when that was refused. */
  async setHeld(isHeld: boolean): Promise<boolean> {
    return this.#try((room) => (isHeld ? this.#rooms.hold(room) : this.#rooms.unhold(room)));
  }

  /** A locked call admits nobody new. */
  async setLocked(isLocked: boolean): Promise<void> {
    await this.#try((room) => (isLocked ? this.#rooms.lock(room) : this.#rooms.unlock(room)));
  }

  /** Puts `user` out of the call. */
  async remove(user: string): Promise<void> {
    await this.#try((room) => this.#rooms.removeFromACL(room, [user]));
  }

  /** Ends the call for everybody. */
  async endForAll(): Promise<void> {
    await this.#try((room) => this.#rooms.destroy(room));
  }

  /** Asks `user` to mute his microphone. */
  async askToMute(user: string): Promise<void> {
    await this.#try((room) => this.#rooms.askToMute(room, user, "audio", true));
  }

  /** Does what the open mute request asks for, or leaves it. */
  async answerMute(isGranted: boolean): Promise<void> {
    const request = this.#standing.muteRequest;
    this.#standing = answered(this.#standing);
    this.emit("change", undefined);
    if (request === null || !isGranted) return;
    await (request.media === "audio" ? this.setMuted(request.muted) : this.setCamera(!request.muted));
  }

  /** Hands my place to `to`: when he accepts I am out, when he does not I stay and read why. */
  async transfer(to: string): Promise<void> {
    if (this.#room === null || this.#handingTo !== null) return;
    this.#handingTo = to;
    this.emit("change", undefined);
    try {
      await this.#rooms.blindTransfer(this.#room.room, to, this.media);
      this.#apply({ type: "handed-over" });
    } catch (thrown) {
      const { code } = asTertuliaError(thrown);
      if (!this.#isOver()) this.notify(typeof code === "number" ? refusedWords(code, this.nameOf(to)) : words(code));
    } finally {
      this.#handingTo = null;
      this.emit("change", undefined);
    }
  }

  /** Somebody else goes on with those I talked to: I leave. */
  handOver(): void {
    this.#apply({ type: "handed-over" });
  }

  /** Tells the user what did not work, while the call goes on. */
  notify(message: string): void {
    this.#notice = message;
    this.emit("change", undefined);
  }

  /** Tells the user what others did. */
  tell(message: string): void {
    this.#news = message;
    this.emit("change", undefined);
  }

  dismissNotice(): void {
    this.#notice = null;
    this.#news = null;
  }

  hangUp(): void {
    this.#apply({ type: "hang-up" });
  }

  async setMuted(isMuted: boolean): Promise<void> {
    const track = this.#stream.getAudioTracks()[0];
    if (track === undefined) {
      if (!isMuted) await this.#add({ audio: true, video: false });
      return;
    }
    track.enabled = !isMuted;
    this.emit("change", undefined);
    await Promise.all([this.#connection?.announce(), this.#report("audio", isMuted)]);
  }

  /** Off means off: the camera is let go, and its light goes out. */
  async setCamera(isOn: boolean): Promise<void> {
    if (isOn === this.isCameraOn) return;
    void this.#report("video", !isOn);
    if (isOn) return this.#add({ audio: false, video: true });
    for (const track of this.#stream.getVideoTracks()) track.stop();
    this.#stream = new MediaStream(this.#stream.getAudioTracks());
    this.emit("change", undefined);
    await this.#connection?.send("camera", null);
  }

  async setScreen(isShared: boolean): Promise<void> {
    this.#screen?.getTracks().forEach((track) => track.stop());
    this.#screen = isShared ? await captureScreen() : null;
    if (this.#isOver()) return this.#screen?.getTracks().forEach((track) => track.stop());
    this.#screen?.getVideoTracks()[0]?.addEventListener("ended", () => void this.setScreen(false));
    this.emit("change", undefined);
    await this.#connection?.sendScreen(this.#screen);
  }

  /** An event of signaling; those of other rooms are none of ours. */
  onEvent(event: EventFrame): void {
    const { eventName, payload } = event;
    if (this.#room === null || payload.roomId !== this.#room.room) return;
    this.#hear(heard(this.#standing, event));
    if (eventName === "ringing") this.#apply({ type: "ringing" });
    if (eventName === "participant-left") this.#onLeft(payload);
    if (eventName === "room-destroyed") this.#onDestroyed(text(payload.reason));
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

  async #place(inReplyTo: string | undefined): Promise<void> {
    try {
      await this.#capture();
      const room = await this.#rooms.create();
      if (this.#isOver()) return void this.context.signaling.leaveRoom(room.room);
      this.#connect(room);
      await this.#invite(this.other, inReplyTo);
    } catch (thrown) {
      this.#apply({ type: "failed", text: sentence(thrown) });
    }
  }

  async #enter(room: Room): Promise<void> {
    this.#room = room;
    await this.#capture();
    if (!this.#isOver()) this.#connect(room);
  }

  async #capture(): Promise<void> {
    const { stream, trouble } = await capture(this.media);
    this.#stream = stream;
    this.#notice = trouble;
    if (this.#isOver()) this.#stopDevices();
    this.emit("change", undefined);
  }

  async #add(media: MediaTypes): Promise<void> {
    const { stream, trouble } = await capture(media);
    if (this.#isOver()) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    this.#notice = trouble;
    this.#stream = new MediaStream([...this.#stream.getTracks(), ...stream.getTracks()]);
    this.emit("change", undefined);
    for (const track of stream.getTracks()) {
      await this.#connection?.send(track.kind === "audio" ? "microphone" : "camera", track);
    }
  }

  #connect(room: Room): void {
    this.#room = room;
    this.#standing = standingOf(room);
    const connection = new RoomConnection(room, this.#stream);
    this.#connection = connection;
    connection.on("change", () => this.emit("change", undefined));
    connection.on("roster", (roster) => this.#onRoster(roster));
    connection.on("rejoining", () => this.#see(rejoining(this.#company, performance.now())));
    connection.on("notice", (message) => this.notify(message));
    connection.on("expelled", (text) => this.#onExpelled(text));
    connection.on("failed", (error) => this.#apply({ type: "failed", text: sentence(error) }));
    this.emit("change", undefined);
  }

  async #invite(to: string, inReplyTo?: string): Promise<void> {
    if (this.#room === null) return;
    const requestID = freshId();
    this.#invited.set(requestID, to);
    const { media } = this;
    const payload = { room: this.#room.room, ...(inReplyTo === undefined ? {} : { inReplyTo }) };
    const fields = { to, mediatypes: media, context: { contextInfo: {} }, payload };
    try {
      const { whoAccepted } = await this.context.signaling.request("invitation", fields, {
        requestID,
        timeoutMs: null,
      });
      if (whoAccepted !== undefined) this.#company = accepted(this.#company, whoAccepted);
      this.#invited.delete(requestID);
      this.#apply({ type: "answered" });
    } catch (thrown) {
      this.#invited.delete(requestID);
      this.#onRefused(to, asTertuliaError(thrown).code);
    }
  }

  #onRefused(to: string, code: TertuliaError["code"]): void {
    const isOurs = this.#state.phase === "calling" || this.#state.phase === "ringing";
    if (isOurs && this.#invited.size === 0) {
      this.#apply(typeof code === "number" ? { type: "refused", code } : { type: "failed", text: words(code) });
    } else if (!this.#isOver()) {
      this.notify(typeof code === "number" ? refusedWords(code, this.nameOf(to)) : words(code));
      this.#see(this.#company);
    }
  }

  /** Before we are in (and while we join anew) the roster says nothing. */
  #onRoster(roster: Roster): void {
    if (roster.peer === "") return;
    const users = new Set(others(roster).map((one) => one.participant));
    this.#see(present(this.#company, [...users], performance.now()));
  }

  /** A user is gone with the last of his peers. */
  #onLeft(payload: EventFrame["payload"]): void {
    const user = text(payload.userId) ?? "";
    const staying = others(this.#connection?.roster ?? EMPTY_ROSTER).filter((one) => one.peer !== payload.peer);
    if (staying.some((one) => one.participant === user)) return;
    this.#see(
      left(
        this.#company,
        user,
        payload.reason === CONNECTION_LOST || payload.reason === TRANSFERRED,
        performance.now(),
      ),
    );
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
    const told = transferWords(transferOf(payload), this.context.me, this.company, (user) => this.nameOf(user));
    if (told !== null) this.tell(told);
  }

  /** We are moved to another room: same devices, other people. */
  #onMoved(room: Room | null, by = ""): void {
    if (room === null || this.#isOver()) return;
    this.#connection?.close();
    this.#company = NOBODY;
    const others = room.participants.filter((user) => user !== this.context.me);
    for (const user of others) this.#company = left(this.#company, user, true, performance.now());
    const [first] = others.filter((user) => user !== by);
    this.whom = first ?? this.whom;
    this.#connect(room);
    void this.#connection?.sendScreen(this.#screen);
    this.tell(movedWords(by, first, (user) => this.nameOf(user)));
  }

  #hear(standing: Standing): void {
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.emit("change", undefined);
  }

  /** Tells the others what I muted: they see it at the node, too, so a failure is no matter. */
  async #report(media: "audio" | "video", isMuted: boolean): Promise<void> {
    if (this.#room !== null) await this.#rooms.muteChange(this.#room.room, media, isMuted).catch(() => undefined);
  }

  /** Asks signaling for something about this room; a refusal is told as a notice, and false. */
  async #try(ask: (room: string) => Promise<unknown>): Promise<boolean> {
    if (this.#room === null) return false;
    try {
      await ask(this.#room.room);
      return true;
    } catch (thrown) {
      if (!this.#isOver()) this.notify(sentence(thrown));
      return false;
    }
  }

  private nameOf(user: string): string {
    return this.context.nameOf(user);
  }

  #see(company: Company): void {
    this.#company = company;
    this.#lastSeen = [...company.present][0] ?? this.#lastSeen;
    window.clearTimeout(this.#companyTimer);
    const now = performance.now();
    const until = deadline(company);
    if (this.#invited.size === 0 && isOver(company, now)) {
      this.#apply({ type: "others-left", wereLost: company.wasLost });
    } else if (until !== null && until > now) {
      this.#companyTimer = window.setTimeout(() => this.#see(this.#company), until - now + 1);
    }
    this.emit("change", undefined);
  }

  #apply(event: CallEvent): void {
    const before = this.#state;
    this.#state = step(before, event);
    if (this.#state === before) return;
    if (this.#state.phase === "connected") this.#connectedAt ??= Date.now();
    if (this.#state.phase === "ended") this.#finish();
    this.emit("change", undefined);
  }

  #finish(): void {
    for (const requestID of this.#invited.keys()) {
      this.context.signaling.cancel("invitation", requestID);
    }
    window.clearTimeout(this.#companyTimer);
    this.#connection?.close();
    if (this.#room !== null && !this.#wasLate()) void this.context.signaling.leaveRoom(this.#room.room);
    this.#stopDevices();
    this.emit("ended", undefined);
  }

  /** My accept came after another device's: leaving would take that one out too, as the ACL knows users only. */
  #wasLate(): boolean {
    return this.#state.phase === "ended" && this.#state.reason.kind === "refused" && this.direction === "incoming";
  }

  #stopDevices(): void {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#screen?.getTracks().forEach((track) => track.stop());
    this.#screen = null;
  }

  #isOver(): boolean {
    return this.#state.phase === "ended";
  }

  /** Why it ended, in words; null while it goes on. */
  get ending(): string | null {
    return this.#state.phase === "ended"
      ? endWords(this.#state.reason, this.nameOf(this.#lastSeen ?? this.other))
      : null;
  }
}

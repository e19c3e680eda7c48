/**
 * The client: who is signed in on this device, what rings, and the call.
 *
 * page -> **client** -> session, signaling, call session
 *
 * Ten lines of use:
 *
 *     const client = new Tertulia();
 *     client.on("change", draw);                    // something to show has changed
 *     await client.signIn("alice", "secret");
 *     client.call("bob", { audio: true, video: true });
 *     client.incoming.map((one) => client.nameOf(one.from));
 *     client.accept(client.incoming[0].requestID, { audio: true, video: false });
 *     client.current?.connection?.tiles             // who sits where
 *     client.hangUp();
 */

import { Asking, askedWords } from "./asking";
import { CallSession, type CallContext } from "./call-session";
import { Calls } from "./calls";
import { thisDevice } from "./device";
import type { MissedCall, User } from "./directory";
import { Emitter } from "./emitter";
import { TertuliaError, asTertuliaError, type ErrorCode } from "./errors";
import {
  parseMoved,
  type CancelFrame,
  type EventFrame,
  type InvitationFrame,
  type InviteRequestFrame,
  type MediaTypes,
  type Room,
} from "./frames";
import type { Identity } from "./grant";
import type { Incoming } from "./incoming";
import { Lists } from "./lists";
import { placesOf } from "./places";
import { Ringing } from "./ringing";
import { Rooms } from "./rooms";
import { Session } from "./session";
import { Signaling, type LinkState } from "./signaling";
import type { Places } from "./vault";
import { WayBack } from "./way-back";

export interface TertuliaEvents {
  change: undefined;
}

export interface TertuliaOptions {
  /** Signaling's address; by default where the page came from. */
  readonly url?: string;
  /** Where the session is kept; by default the tab's own storage, so that each tab is a device. */
  readonly storage?: Storage;
}

export class Tertulia extends Emitter<TertuliaEvents> {
  readonly #base: string;
  readonly #places: Places;
  readonly #device = thisDevice();
  // Of the session; `#leave` ends them.
  #session: Session | null = null;
  #signaling: Signaling | null = null;
  #lists: Lists | null = null;
  #asking: Asking | null = null;
  // Ours for good.
  readonly #ringing = new Ringing();
  readonly #wayBack: WayBack;
  readonly #calls = new Calls(
    () => this.rooms,
    (user) => this.nameOf(user),
  );

  #notice: string | null = null;
  #error: string | null = null;
  #isTelling = false;

  constructor({ url = location.origin, storage = sessionStorage }: TertuliaOptions = {}) {
    super();
    this.#base = url;
    this.#places = placesOf(storage);
    this.#wayBack = new WayBack(storage);
    this.#ringing.on("change", () => this.#changed());
    this.#wayBack.on("change", () => this.#changed());
    this.#calls.on("change", () => this.#onCallsChanged());
    this.#calls.on("ended", () => this.#onCallEnded());
  }

  get identity(): Identity | null {
    return this.#session?.identity ?? null;
  }

  get link(): LinkState {
    return this.#signaling?.state ?? "signed-out";
  }

  get users(): readonly User[] {
    return this.#lists?.users ?? [];
  }

  /** The invitations that ring. */
  get incoming(): Incoming {
    return this.#ringing.incoming;
  }

  /** People who ask to be invited into my call. */
  get inviteRequests(): readonly InviteRequestFrame[] {
    return this.#ringing.requests;
  }

  /** Calls that nobody took, the newest first. */
  get missed(): readonly MissedCall[] {
    return this.#lists?.missed ?? [];
  }

  /** The call that this tab was in when it was loaded anew, while it goes on without us. */
  get rejoinable(): Room | null {
    return this.#wayBack.room;
  }

  /** What may be asked of signaling about rooms. */
  get rooms(): Rooms {
    return new Rooms(this.#online());
  }

  /** The call that goes on, or the last one with its ending. */
  get current(): CallSession | null {
    return this.#calls.current;
  }

  get isInCall(): boolean {
    return this.#calls.isInCall;
  }

  /** The call on hold, while I ask somebody whether to hand it over. */
  get parked(): CallSession | null {
    return this.#calls.parked;
  }

  /** Two calls are just being connected. */
  get isConnecting(): boolean {
    return this.#calls.isBusy;
  }

  /** Whom I asked to let me in, and who has not said yes or no. */
  get asking(): string | null {
    return this.#asking?.to ?? null;
  }

  /** The browser's connection of the call that goes on: counters and states for tests and for the console. */
  get peerConnection(): RTCPeerConnection | null {
    return this.isInCall ? (this.current?.connection?.peerConnection ?? null) : null;
  }

  /** Something worth telling that is no error, such as a missed call. */
  get notice(): string | null {
    return this.#notice;
  }

  /** What went wrong last, in words. */
  get error(): string | null {
    return this.#error;
  }

  /** Throws a TertuliaError: 401 for a wrong name or password. */
  async signIn(username: string, password: string): Promise<void> {
    this.#enter(await Session.signIn(this.#base, this.#places, username, password));
  }

  /** Goes on with the session that this tab had; false when there was none. */
  restore(): boolean {
    const session = Session.restore(this.#base, this.#places);
    if (session !== null) this.#enter(session);
    return session !== null;
  }

  /** Ends the session, for every tab that has it. */
  signOut(): void {
    this.#calls.hangUpAll();
    this.stopAsking();
    void this.#session?.end();
    this.#leave();
    this.#tell({});
  }

  /** Calls a user id, `name` or `name@domain`; a call that goes on is hung up. */
  call(to: string, media: MediaTypes): CallSession {
    return this.#take(() => CallSession.place(this.#context(), to, media));
  }

  accept(requestID: string, media: MediaTypes): CallSession {
    const invitation = this.#ringing.take(requestID);
    if (invitation === null) throw new TertuliaError(404, "That call is over.");
    return this.#take(() => CallSession.accept(this.#context(), invitation, media));
  }

  /** Goes back into the call that this tab was in. */
  rejoin(media: MediaTypes): void {
    const { room } = this.#wayBack;
    if (room !== null) this.#take(() => CallSession.rejoin(this.#context(), room, media));
  }

  /** Leaves the call that this tab was in, instead of going back. */
  forgetRejoinable(): void {
    const { room } = this.#wayBack;
    if (room !== null) void this.#online().leaveRoom(room.room);
    this.#wayBack.forget();
  }

  /** Holds the call and calls `to`, to ask whether it may be handed over: then `connect`, or `back`. */
  async consult(to: string, media: MediaTypes): Promise<void> {
    await this.#calls.consult(() => CallSession.place(this.#context(), to, media));
  }

  /** Connects those on hold with those I have asked, and leaves them; or stays, so that all talk together. */
  async connect({ isStaying = false } = {}): Promise<void> {
    await this.#calls.connect(isStaying);
  }

  /** Ends asking and takes the call off hold. */
  async back(): Promise<void> {
    await this.#calls.back();
  }

  /** Asks `to` to be let into his call; once he does, I am in it. */
  ask(to: string, media: MediaTypes): void {
    this.stopAsking();
    const asking = new Asking(this.#online(), to, media);
    this.#asking = asking;
    asking.answer().catch((thrown: unknown) => this.#onNotLetIn(asking, asTertuliaError(thrown).code));
    this.#tell({});
  }

  stopAsking(): void {
    const asking = this.#asking;
    this.#asking = null;
    asking?.takeBack();
    this.#changed();
  }

  /** Invites whoever asked for it into the call that goes on, or calls him; or says no. */
  answerRequest(requestID: string, isGranted: boolean): void {
    const request = this.#ringing.takeRequest(requestID);
    if (request === null) return;
    const { from, mediatypes } = request;
    if (!isGranted) this.#online().send({ answer: "inviteRequest", requestID, from, error: 603 });
    else if (this.isInCall) this.current?.invite(from, requestID);
    else this.#take(() => CallSession.place(this.#context(), from, mediatypes, requestID));
  }

  decline(requestID: string): void {
    const invitation = this.#ringing.take(requestID);
    if (invitation === null) return;
    this.#online().send({ answer: "invitation", requestID, from: invitation.from, error: 603 });
    this.#tell({});
  }

  /** Hangs up the call in front; one on hold behind it is in front then. */
  hangUp(): void {
    this.#calls.hangUp();
  }

  /** Puts an ended call and what was told out of sight. */
  dismiss(): void {
    if (this.isInCall) this.current?.told.dismiss();
    else this.#calls.forget();
    this.#tell({});
  }

  /** The name to show for a user id, or for what was typed. */
  nameOf(user: string): string {
    return this.#lists?.nameOf(user) ?? user;
  }

  // ---- session

  #enter(session: Session): void {
    this.#leave();
    this.#session = session;
    const signaling = new Signaling(this.#base, session, this.#device);
    this.#signaling = signaling;
    signaling.on("state", (state) => this.#onLink(state));
    signaling.on("invitation", (frame) => this.#onInvitation(frame));
    signaling.on("inviteRequest", (frame) => this.#ringing.ask(frame));
    signaling.on("cancel", (frame) => this.#onCancel(frame));
    signaling.on("event", (frame) => this.#onEvent(frame));
    signaling.connect();
    this.#lists = this.#newLists(session);
    this.#tell({});
  }

  #newLists(session: Session): Lists {
    const lists = new Lists(session, () => this.link === "online");
    lists.on("change", () => this.#changed());
    lists.on("signedOut", () => this.#onLink("signed-out"));
    return lists;
  }

  #leave(): void {
    this.#lists?.close();
    this.#signaling?.close();
    this.#session?.forget();
    this.#lists = null;
    this.#signaling = null;
    this.#session = null;
    this.#asking = null;
    this.#ringing.clear();
    this.#wayBack.close();
  }

  #context(): CallContext {
    const me = this.identity?.userId ?? "";
    return { signaling: this.#online(), me, nameOf: (user) => this.nameOf(user) };
  }

  #online(): Signaling {
    if (this.#signaling === null) throw new TertuliaError("signed-out");
    return this.#signaling;
  }

  /** What rang before a loss rings on, until signaling says what still does. */
  #onLink(state: LinkState): void {
    if (state === "online") this.#cameOnline();
    else this.#ringing.fade();
    if (state === "signed-out") {
      this.#calls.hangUpAll();
      this.#leave();
      this.#tell({ error: new TertuliaError("signed-out").message });
    }
    this.#changed();
  }

  #cameOnline(): void {
    this.#ringing.stay();
    void this.#lists?.readUsers();
    void this.#lists?.readMissed();
    void this.#readRinging();
    void this.#readRoom();
  }

  async #readRinging(): Promise<void> {
    const listed = await this.rooms.ringing().catch(() => null);
    if (listed === null) return;
    this.#ringing.only(listed);
    for (const one of this.incoming) if (this.#asking?.isGrantedBy(one) === true) this.#onInvitation(one);
  }

  /** Offers the way back into the call that this tab was in, if there is one. */
  async #readRoom(): Promise<void> {
    if (!this.#wayBack.isKept) return;
    const mine = await this.rooms.mine().catch(() => null);
    if (mine !== null && !this.isInCall) this.#wayBack.offer(mine);
  }

  // ---- calls

  /** Begins a call once whatever else goes on is over. */
  #take(begin: () => CallSession): CallSession {
    this.#calls.hangUpAll();
    this.stopAsking();
    this.#wayBack.close();
    this.#tell({});
    return this.#calls.take(begin());
  }

  /** A page that is loaded anew goes back into the call that was first. */
  #onCallsChanged(): void {
    const call = this.parked ?? this.current;
    if (call?.state.phase === "connected" && call.room.id !== null) this.#wayBack.keep(call.room.id);
    this.#changed();
  }

  #onCallEnded(): void {
    if (!this.isInCall) this.#wayBack.forget();
    void this.#lists?.readUsers();
  }

  /** An invitation rings, but for the one that I asked for: that is taken. */
  #onInvitation(frame: InvitationFrame): void {
    const asking = this.#asking;
    if (asking?.isGrantedBy(frame) !== true) return this.#ringing.ring(frame);
    this.#asking = null;
    this.#ringing.take(frame.requestID);
    this.#take(() => CallSession.accept(this.#context(), frame, asking.media));
  }

  #onNotLetIn(asking: Asking, code: ErrorCode): void {
    if (this.#asking !== asking) return;
    this.#asking = null;
    this.#tell({ error: askedWords(code, this.nameOf(asking.to)) });
  }

  #onEvent(frame: EventFrame): void {
    const { eventName, payload } = frame;
    const moved = eventName === "room-moved" ? parseMoved(payload) : null;
    if (moved !== null) this.#ringing.move(moved);
    if (eventName === "room-destroyed" && payload.roomId === this.rejoinable?.room) this.#wayBack.forget();
    this.current?.onEvent(frame);
    this.parked?.onEvent(frame);
  }

  #onCancel({ cancel, requestID, error = 487 }: CancelFrame): void {
    if (cancel === "inviteRequest") this.#ringing.takeRequest(requestID);
    if (cancel !== "invitation") return;
    const isOfCall = [this.current, this.parked].some((call) => call?.onCancel(requestID, error) === true);
    const invitation = isOfCall ? null : this.#ringing.take(requestID);
    if (invitation !== null) this.#onMissed(invitation, error);
  }

  #onMissed({ from }: InvitationFrame, code: number): void {
    const name = this.nameOf(from);
    const isMissed = code === 408;
    this.#lists?.readMissedSoon();
    this.#tell({
      notice: isMissed ? `Missed call from ${name}.` : `${name}'s call was answered elsewhere or cancelled.`,
    });
  }

  // ---- telling

  #tell({ notice = null, error = null }: { notice?: string | null; error?: string | null }): void {
    this.#notice = notice;
    this.#error = error;
    this.#changed();
  }

  /** Changes of one turn are told together. */
  #changed(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.emit("change", undefined);
    });
  }
}

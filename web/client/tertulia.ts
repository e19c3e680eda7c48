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
import { Emitter } from "./emitter";
import { TertuliaError, asTertuliaError, type ErrorCode } from "./errors";
import type { CancelFrame, EventFrame, InvitationFrame, InviteRequestFrame, MediaTypes, Room } from "./frames";
import { freshId } from "./ids";
import { MAX_RINGING, ring, ringOnly, stopRinging, type Incoming } from "./incoming";
import { Rooms } from "./rooms";
import type { MissedCall, User } from "./directory";
import type { Identity } from "./grant";
import { Session } from "./session";
import { Signaling, type Device, type LinkState } from "./signaling";
import { placesOf } from "./places";
import type { Places } from "./vault";

export interface TertuliaEvents {
  change: undefined;
}

export interface TertuliaOptions {
  /** Signaling's address; by default where the page came from. */
  readonly url?: string;
  /** Where the session is kept; by default the tab's own storage, so that each tab is a device. */
  readonly storage?: Storage;
}

/** How often the list of users is read while it is on show. */
const USERS_MS = 4_000;
/** Rings go on while the connection to signaling is lost for less than this; a call rings no longer (invites.expiration). */
const RING_KEPT_MS = 30_000;
/** History has a call a moment after its last cancel was sent. */
const HISTORY_MS = 1_000;
/** Where a tab keeps the room that it is in, for its next load. */
const ROOM_KEY = "tertulia.room";

export class Tertulia extends Emitter<TertuliaEvents> {
  readonly #base: string;
  readonly #storage: Storage;
  readonly #places: Places;
  readonly #device: Device = { id: freshId(), name: browserName(), kind: "browser" };
  #session: Session | null = null;
  #signaling: Signaling | null = null;
  #users: readonly User[] = [];
  #usersTimer: number | undefined;
  #incoming: Incoming = [];
  #requests: readonly InviteRequestFrame[] = [];
  #missed: readonly MissedCall[] = [];
  #rejoinable: Room | null = null;
  #ringTimer: number | undefined;
  #asking: Asking | null = null;
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
    this.#storage = storage;
    this.#places = placesOf(storage);
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
    return this.#users;
  }

  /** The invitations that ring. */
  get incoming(): Incoming {
    return this.#incoming;
  }

  /** People who ask to be invited into my call. */
  get inviteRequests(): readonly InviteRequestFrame[] {
    return this.#requests;
  }

  /** Calls that nobody took, the newest first. */
  get missed(): readonly MissedCall[] {
    return this.#missed;
  }

  /** The call that this tab was in when it was loaded anew, while it goes on without us. */
  get rejoinable(): Room | null {
    return this.#rejoinable;
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
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) throw new TertuliaError(404, "That call is over.");
    this.#incoming = stopRinging(this.#incoming, requestID);
    return this.#take(() => CallSession.accept(this.#context(), invitation, media));
  }

  /** Goes back into the call that this tab was in. */
  rejoin(media: MediaTypes): void {
    const room = this.#rejoinable;
    if (room === null) return;
    this.#take(() => CallSession.rejoin(this.#context(), room, media));
  }

  /** Leaves the call that this tab was in, instead of going back. */
  forgetRejoinable(): void {
    if (this.#rejoinable !== null) void this.#online().leaveRoom(this.#rejoinable.room);
    this.#noRejoin();
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
    const request = this.#requests.find((one) => one.requestID === requestID);
    if (request === undefined) return;
    this.#requests = this.#requests.filter((one) => one !== request);
    if (isGranted && this.isInCall) this.current?.invite(request.from, requestID);
    else if (isGranted)
      this.#take(() => CallSession.place(this.#context(), request.from, request.mediatypes, requestID));
    else this.#online().send({ answer: "inviteRequest", requestID, from: request.from, error: 603 });
    this.#changed();
  }

  decline(requestID: string): void {
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) return;
    this.#online().send({ answer: "invitation", requestID, from: invitation.from, error: 603 });
    this.#incoming = stopRinging(this.#incoming, requestID);
    this.#tell({});
  }

  /** Hangs up the call in front; one on hold behind it is in front then. */
  hangUp(): void {
    this.#calls.hangUp();
  }

  /** Puts an ended call and what was told out of sight. */
  dismiss(): void {
    if (this.isInCall) this.current?.dismissNotice();
    else this.#calls.forget();
    this.#tell({});
  }

  /** The name to show for a user id, or for what was typed. */
  nameOf(user: string): string {
    const known = this.#users.find((one) => one.id === user || one.username === user);
    if (known !== undefined) return known.displayName;
    return /^[0-9a-f]{24}$/.test(user) ? `Guest ${user.slice(-4)}` : user;
  }

  // ---- session

  #enter(session: Session): void {
    this.#leave();
    this.#session = session;
    const signaling = new Signaling(this.#base, session, this.#device);
    this.#signaling = signaling;
    signaling.on("state", (state) => this.#onLink(state));
    signaling.on("invitation", (frame) => this.#onInvitation(frame));
    signaling.on("inviteRequest", (frame) => this.#onRequest(frame));
    signaling.on("cancel", (frame) => this.#onCancel(frame));
    signaling.on("event", (frame) => this.#onEvent(frame));
    signaling.connect();
    this.#usersTimer = window.setInterval(() => void this.#readUsers(), USERS_MS);
    this.#tell({});
  }

  #leave(): void {
    window.clearInterval(this.#usersTimer);
    this.#signaling?.close();
    this.#signaling = null;
    this.#session?.forget();
    this.#session = null;
    window.clearTimeout(this.#ringTimer);
    this.#incoming = [];
    this.#requests = [];
    this.#asking = null;
    this.#missed = [];
    this.#rejoinable = null;
    this.#users = [];
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
    window.clearTimeout(this.#ringTimer);
    if (state === "online") this.#cameOnline();
    else this.#ringTimer = window.setTimeout(() => this.#show(() => (this.#incoming = [])), RING_KEPT_MS);
    if (state === "signed-out") {
      this.#calls.hangUpAll();
      this.#leave();
      this.#tell({ error: new TertuliaError("signed-out").message });
    }
    this.#changed();
  }

  #cameOnline(): void {
    void this.#readUsers();
    void this.#readMissed();
    void this.#readRinging();
    void this.#readRoom();
  }

  async #readRinging(): Promise<void> {
    const listed = await this.rooms.ringing().catch(() => null);
    if (listed === null) return;
    const invitations = listed.filter((one) => one.kind === "invitation");
    this.#requests = listed.filter((one) => one.kind === "invite-request");
    this.#show(() => (this.#incoming = ringOnly(this.#incoming, invitations)));
    for (const one of invitations) if (this.#asking?.isGrantedBy(one) === true) this.#onInvitation(one);
  }

  /** Offers the way back into the call that this tab was in, if there is one. */
  async #readRoom(): Promise<void> {
    const kept = this.#storage.getItem(ROOM_KEY);
    if (kept === null) return;
    const mine = await this.rooms.mine().catch(() => null);
    if (mine === null || this.isInCall) return;
    const room = mine.find((one) => one.room === kept) ?? null;
    if (room === null) this.#noRejoin();
    else this.#show(() => (this.#rejoinable = room));
  }

  #noRejoin(): void {
    this.#storage.removeItem(ROOM_KEY);
    this.#rejoinable = null;
    this.#changed();
  }

  async #readMissed(): Promise<void> {
    const missed = await this.#session?.missed().catch(() => undefined);
    if (missed !== undefined) this.#show(() => (this.#missed = missed));
  }

  async #readUsers(): Promise<void> {
    if (this.link !== "online" || (document.hidden && this.#users.length > 0)) return;
    try {
      this.#users = (await this.#session?.users()) ?? [];
      this.#changed();
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 401) this.#onLink("signed-out");
    }
  }

  // ---- calls

  /** Begins a call once whatever else goes on is over. */
  #take(begin: () => CallSession): CallSession {
    this.#calls.hangUpAll();
    this.stopAsking();
    this.#rejoinable = null;
    this.#tell({});
    return this.#calls.take(begin());
  }

  /** A page that is loaded anew goes back into the call that was first. */
  #onCallsChanged(): void {
    const call = this.parked ?? this.current;
    if (call?.state.phase === "connected" && call.room !== null) this.#storage.setItem(ROOM_KEY, call.room);
    this.#changed();
  }

  #onCallEnded(): void {
    if (!this.isInCall) this.#storage.removeItem(ROOM_KEY);
    void this.#readUsers();
  }

  /** An invitation rings, but for the one that I asked for: that is taken. */
  #onInvitation(frame: InvitationFrame): void {
    const asking = this.#asking;
    if (asking?.isGrantedBy(frame) !== true) return this.#show(() => (this.#incoming = ring(this.#incoming, frame)));
    this.#asking = null;
    this.#incoming = stopRinging(this.#incoming, frame.requestID);
    this.#take(() => CallSession.accept(this.#context(), frame, asking.media));
  }

  #onNotLetIn(asking: Asking, code: ErrorCode): void {
    if (this.#asking !== asking) return;
    this.#asking = null;
    this.#tell({ error: askedWords(code, this.nameOf(asking.to)) });
  }

  #onRequest(frame: InviteRequestFrame): void {
    const others = this.#requests.filter((one) => one.requestID !== frame.requestID);
    this.#show(() => (this.#requests = [...others, frame].slice(0, MAX_RINGING)));
  }

  #onEvent(frame: EventFrame): void {
    const { eventName, payload } = frame;
    if (eventName === "room-destroyed" && payload.roomId === this.#rejoinable?.room) this.#noRejoin();
    this.current?.onEvent(frame);
    this.parked?.onEvent(frame);
  }

  #onCancel({ cancel, requestID, error = 487 }: CancelFrame): void {
    if (cancel === "inviteRequest") {
      this.#show(() => (this.#requests = this.#requests.filter((one) => one.requestID !== requestID)));
    }
    if (cancel !== "invitation" || this.current?.onCancel(requestID, error) === true) return;
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) return;
    this.#incoming = stopRinging(this.#incoming, requestID);
    const from = this.nameOf(invitation.from);
    window.setTimeout(() => void this.#readMissed(), HISTORY_MS);
    this.#tell({
      notice: error === 408 ? `Missed call from ${from}.` : `${from}'s call was answered elsewhere or cancelled.`,
    });
  }

  // ---- telling

  #tell({ notice = null, error = null }: { notice?: string | null; error?: string | null }): void {
    this.#notice = notice;
    this.#error = error;
    this.#changed();
  }

  #show(change: () => void): void {
    change();
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

function browserName(): string {
  const agent = navigator.userAgent;
  const browser = /(Firefox|Edg|Chrome|Safari)\//.exec(agent)?.[1] ?? "Browser";
  return browser === "Edg" ? "Edge" : browser;
}

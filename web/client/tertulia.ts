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

import { CallSession } from "./call-session";
import { Emitter } from "./emitter";
import { TertuliaError, asTertuliaError } from "./errors";
import type { CancelFrame, EventFrame, MediaTypes } from "./frames";
import { freshId } from "./ids";
import { ring, stopRinging, type Incoming } from "./incoming";
import { Session, type Identity, type User } from "./session";
import { Signaling, type Device, type LinkState } from "./signaling";

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

export class Tertulia extends Emitter<TertuliaEvents> {
  readonly #base: string;
  readonly #storage: Storage;
  readonly #device: Device = { id: freshId(), name: browserName(), kind: "browser" };
  #session: Session | null = null;
  #signaling: Signaling | null = null;
  #users: readonly User[] = [];
  #usersTimer: number | undefined;
  #incoming: Incoming = [];
  #call: CallSession | null = null;
  #notice: string | null = null;
  #error: string | null = null;
  #isTelling = false;

  constructor({ url = location.origin, storage = sessionStorage }: TertuliaOptions = {}) {
    super();
    this.#base = url;
    this.#storage = storage;
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

  /** The call that goes on, or the last one with its ending. */
  get current(): CallSession | null {
    return this.#call;
  }

  get isInCall(): boolean {
    return this.#call !== null && this.#call.state.phase !== "ended";
  }

  /** The browser's connection of the call that goes on: counters and states for tests and for the console. */
  get peerConnection(): RTCPeerConnection | null {
    return this.isInCall ? (this.#call?.connection?.peerConnection ?? null) : null;
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
    this.#enter(await Session.signIn(this.#base, this.#storage, username, password));
  }

  /** Goes on with the session that this tab had; false when there was none. */
  restore(): boolean {
    const session = Session.restore(this.#base, this.#storage);
    if (session !== null) this.#enter(session);
    return session !== null;
  }

  signOut(): void {
    this.hangUp();
    this.#leave();
    this.#tell({});
  }

  /** Calls a user id, `name` or `name@domain`; a call that goes on is hung up. */
  call(to: string, media: MediaTypes): CallSession {
    this.hangUp();
    const nameOf = (user: string) => this.nameOf(user);
    return this.#take(CallSession.place(this.#online(), to, media, nameOf));
  }

  accept(requestID: string, media: MediaTypes): CallSession {
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) throw new TertuliaError(404, "That call is over.");
    this.hangUp();
    this.#incoming = stopRinging(this.#incoming, requestID);
    const nameOf = (user: string) => this.nameOf(user);
    return this.#take(CallSession.accept(this.#online(), invitation, media, nameOf));
  }

  decline(requestID: string): void {
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) return;
    this.#online().send({ answer: "invitation", requestID, from: invitation.from, error: 603 });
    this.#incoming = stopRinging(this.#incoming, requestID);
    this.#tell({});
  }

  hangUp(): void {
    this.#call?.hangUp();
  }

  /** Puts an ended call and what was told out of sight. */
  dismiss(): void {
    if (this.isInCall) this.#call?.dismissNotice();
    else this.#call = null;
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
    signaling.on("invitation", (frame) => this.#show(() => (this.#incoming = ring(this.#incoming, frame))));
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
    this.#incoming = [];
    this.#users = [];
  }

  #online(): Signaling {
    if (this.#signaling === null) throw new TertuliaError("signed-out");
    return this.#signaling;
  }

  /** Signaling rings a device anew that comes back, so what rang before a loss is put away. */
  #onLink(state: LinkState): void {
    if (state !== "online") this.#incoming = [];
    if (state === "online") void this.#readUsers();
    if (state === "signed-out") {
      this.hangUp();
      this.#leave();
      this.#tell({ error: new TertuliaError("signed-out").message });
    }
    this.#changed();
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

  #take(call: CallSession): CallSession {
    this.#call = call;
    call.on("change", () => this.#changed());
    call.on("ended", () => void this.#readUsers());
    this.#tell({});
    return call;
  }

  #onEvent(frame: EventFrame): void {
    this.#call?.onEvent(frame);
  }

  #onCancel({ cancel, requestID, error = 487 }: CancelFrame): void {
    if (cancel !== "invitation" || this.#call?.onCancel(requestID, error) === true) return;
    const invitation = this.#incoming.find((one) => one.requestID === requestID);
    if (invitation === undefined) return;
    this.#incoming = stopRinging(this.#incoming, requestID);
    const from = this.nameOf(invitation.from);
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

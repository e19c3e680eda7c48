/**
 * What SAPI lists, as the client shows it: the users of my domain, read again and again, and the calls that I missed.
 *
 * client -> **lists** -> session
 */

import type { MissedCall, User } from "./directory";
import { Emitter } from "./emitter";
import { asTertuliaError } from "./errors";
import type { Session } from "./session";

export interface ListsEvents {
  change: undefined;
  /** SAPI takes the session for over. */
  signedOut: undefined;
}

/** How often the users are read while they are on show. */
const USERS_MS = 4_000;
/** History has a call a moment after its last cancel was sent. */
const HISTORY_MS = 1_000;

export class Lists extends Emitter<ListsEvents> {
  #users: readonly User[] = [];
  #missed: readonly MissedCall[] = [];
  readonly #timer: number;

  /** `isOnline`: nothing is asked while the server is away. */
  constructor(
    private readonly session: Session,
    private readonly isOnline: () => boolean,
  ) {
    super();
    this.#timer = window.setInterval(() => void this.readUsers(), USERS_MS);
  }

  get users(): readonly User[] {
    return this.#users;
  }

  /** The newest first. */
  get missed(): readonly MissedCall[] {
    return this.#missed;
  }

  /** The name to show for a user id, or for what was typed. */
  nameOf(user: string): string {
    const known = this.#users.find((one) => one.id === user || one.username === user);
    if (known !== undefined) return known.displayName;
    return /^[0-9a-f]{24}$/.test(user) ? `Guest ${user.slice(-4)}` : user;
  }

  async readUsers(): Promise<void> {
    if (!this.isOnline() || (document.hidden && this.#users.length > 0)) return;
    try {
      this.#users = await this.session.users();
      this.emit("change", undefined);
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 401) this.emit("signedOut", undefined);
    }
  }

  async readMissed(): Promise<void> {
    const missed = await this.session.missed().catch(() => undefined);
    if (missed === undefined) return;
    this.#missed = missed;
    this.emit("change", undefined);
  }

  /** One more is being written. */
  readMissedSoon(): void {
    window.setTimeout(() => void this.readMissed(), HISTORY_MS);
  }

  close(): void {
    window.clearInterval(this.#timer);
    this.forgetListeners();
  }
}

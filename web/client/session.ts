/**
 * A signed-in session: its tokens, and what SAPI is asked with them.
 *
 * sign in (SAPI) -> **session** -> signaling (its access token) and SAPI requests
 */

import { parseMissed, parseUsers, type MissedCall, type User } from "./directory";
import { asTertuliaError } from "./errors";
import { granted, hasLife, type Grant, type Identity } from "./grant";
import { request } from "./sapi";
import { Vault, type Places } from "./vault";

export class Session {
  #grant: Grant;
  #renewing: Promise<void> | null = null;
  #isForgotten = false;

  private constructor(
    private readonly base: string,
    private readonly vault: Vault,
    grant: Grant,
  ) {
    this.#grant = grant;
  }

  /** `base`: signaling's address, such as `https://calls.example`. */
  static async signIn(base: string, places: Places, username: string, password: string): Promise<Session> {
    const body = await request(base, "/sapi/sessions", { method: "POST", body: { username, password } });
    const vault = new Vault(places);
    const grant = granted(body, null, Date.now());
    vault.keep(grant);
    vault.sweep(Date.now());
    return new Session(base, vault, grant);
  }

  /** The session that this tab had before it was loaded anew, if any. */
  static restore(base: string, places: Places): Session | null {
    const vault = new Vault(places);
    const grant = vault.load();
    return grant === null ? null : new Session(base, vault, grant);
  }

  get identity(): Identity {
    return this.#grant;
  }

  /** An access token with some life left; renewed when necessary.  Throws 401 when the session is over. */
  async accessToken(now: number = Date.now()): Promise<string> {
    if (!hasLife(this.#grant, now)) await this.renew();
    return this.#grant.accessToken;
  }

  /** Swaps the refresh token for new tokens; whoever asks at the same time, in this tab or another, shares one exchange. */
  async renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    await this.#renewing;
  }

  /** The users of my domain. */
  async users(): Promise<User[]> {
    return parseUsers(await request(this.base, "/sapi/users", { token: await this.accessToken() }));
  }

  /** Calls that I missed, the newest first; none from a server that keeps no history. */
  async missed(): Promise<MissedCall[]> {
    try {
      const token = await this.accessToken();
      return parseMissed(await request(this.base, "/sapi/calls?missed=true&limit=10", { token }));
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 404) return [];
      throw thrown;
    }
  }

  /** Forgets the tokens. */
  forget(): void {
    this.#isForgotten = true;
    this.vault.forget(this.#grant);
  }

  /** Forgets the tokens, and ends the session at the server: whatever else has them is signed out. */
  async end(): Promise<void> {
    const { id, accessToken } = this.#grant;
    this.forget();
    const path = `/sapi/sessions/${encodeURIComponent(id)}`;
    await request(this.base, path, { method: "DELETE", token: accessToken }).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    this.#grant = await this.vault.renew(this.#grant, Date.now(), (newest) => this.#exchange(newest));
    if (this.#isForgotten) this.vault.forget(this.#grant);
  }

  async #exchange(newest: Grant): Promise<Grant> {
    const { refreshToken } = newest;
    const body = await request(this.base, "/sapi/sessions/refresh", { method: "POST", body: { refreshToken } });
    return granted(body, newest, Date.now());
  }
}

/**
 * A signed-in session: the tokens of SAPI, kept for this tab.
 *
 * sign in (SAPI) -> **session** -> signaling (its access token) and SAPI requests
 *
 * The tokens lie in the storage that is given (`sessionStorage` in the page: each tab is signed in, and rings, on its own).
 */

import { TertuliaError, asTertuliaError } from "./errors";
import { isRecord, text } from "./frames";

export interface User {
  readonly id: string;
  readonly username: string;
  readonly domain: string;
  readonly displayName: string;
  readonly online: boolean;
}

export interface MissedCall {
  readonly id: string;
  /** The user who called. */
  readonly from: string;
  /** Epoch ms. */
  readonly at: number;
  readonly video: boolean;
}

export interface Identity {
  readonly userId: string;
  readonly username: string;
  readonly domain: string;
}

interface Grant extends Identity {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Epoch ms at which the access token ends. */
  readonly expiresAt: number;
}

const KEY = "tertulia.session";
/** A token with less than this left is renewed first: a request must not outlive it on the way. */
const MARGIN_MS = 30_000;

export class Session {
  #grant: Grant;
  #refreshing: Promise<void> | null = null;

  private constructor(
    private readonly base: string,
    private readonly storage: Storage,
    grant: Grant,
  ) {
    this.#grant = grant;
  }

  /** `base`: signaling's address, such as `https://calls.example`. */
  static async signIn(base: string, storage: Storage, username: string, password: string): Promise<Session> {
    const body = await request(base, "/sapi/sessions", { method: "POST", body: { username, password } });
    const session = new Session(base, storage, parseGrant(body, null));
    session.#keep();
    return session;
  }

  /** The session that this tab had before it was loaded anew, if any. */
  static restore(base: string, storage: Storage): Session | null {
    try {
      const kept: unknown = JSON.parse(storage.getItem(KEY) ?? "null");
      return isGrant(kept) ? new Session(base, storage, kept) : null;
    } catch {
      return null;
    }
  }

  get identity(): Identity {
    return this.#grant;
  }

  /** An access token with some life left; renewed when necessary.  Throws 401 when the session is over. */
  async accessToken(now: number = Date.now()): Promise<string> {
    if (this.#grant.expiresAt - now < MARGIN_MS) await this.renew();
    return this.#grant.accessToken;
  }

  /** Swaps the refresh token for new tokens; callers at the same time share one exchange. */
  async renew(): Promise<void> {
    this.#refreshing ??= this.#renew().finally(() => (this.#refreshing = null));
    await this.#refreshing;
  }

  async #renew(): Promise<void> {
    const { refreshToken } = this.#grant;
    const body = await request(this.base, "/sapi/sessions/refresh", { method: "POST", body: { refreshToken } });
    this.#grant = parseGrant(body, this.#grant);
    this.#keep();
  }

  /** The users of my domain. */
  async users(): Promise<User[]> {
    const body = await request(this.base, "/sapi/users", { token: await this.accessToken() });
    const users = isRecord(body) ? body.users : null;
    return Array.isArray(users) ? users.flatMap(parseUser) : [];
  }

  /** Calls that I missed, the newest first; none from a server that keeps no history. */
  async missed(): Promise<MissedCall[]> {
    try {
      const body = await request(this.base, "/sapi/calls?missed=true&limit=10", { token: await this.accessToken() });
      const calls = isRecord(body) ? body.calls : null;
      return Array.isArray(calls) ? calls.flatMap(parseMissed) : [];
    } catch (thrown) {
      if (asTertuliaError(thrown).code === 404) return [];
      throw thrown;
    }
  }

  forget(): void {
    this.storage.removeItem(KEY);
  }

  #keep(): void {
    this.storage.setItem(KEY, JSON.stringify(this.#grant));
  }
}

interface Options {
  readonly method?: "GET" | "POST";
  readonly body?: object;
  readonly token?: string;
}

async function request(base: string, path: string, { method = "GET", body, token }: Options): Promise<unknown> {
  const headers = new Headers({ Accept: "application/json" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(10_000) };
  const response = await fetch(base + path, body === undefined ? init : { ...init, body: JSON.stringify(body) }).catch(
    () => {
      throw new TertuliaError("unreachable");
    },
  );
  if (!response.ok) throw new TertuliaError(response.status);
  return response.json().catch((thrown: unknown) => {
    throw asTertuliaError(thrown);
  });
}

function parseGrant(body: unknown, before: Grant | null): Grant {
  const fields: Record<string, unknown> = isRecord(body) ? { ...before, ...body } : {};
  const lifeS = typeof fields.expiresIn === "number" ? fields.expiresIn : 300;
  const grant = { ...fields, expiresAt: Date.now() + lifeS * 1000 };
  if (!isGrant(grant)) throw new TertuliaError(500, "The server's answer to the sign-in lacks something.");
  const { userId, username, domain, accessToken, refreshToken, expiresAt } = grant;
  return { userId, username, domain, accessToken, refreshToken, expiresAt };
}

function isGrant(value: unknown): value is Grant {
  if (!isRecord(value) || typeof value.expiresAt !== "number") return false;
  return ["userId", "username", "domain", "accessToken", "refreshToken"].every((key) => typeof value[key] === "string");
}

function parseMissed(value: unknown): MissedCall[] {
  if (!isRecord(value)) return [];
  const id = text(value.id);
  const from = text(value.from);
  const at = value.createdAt;
  if (id === undefined || from === undefined || typeof at !== "number") return [];
  return [{ id, from, at, video: Array.isArray(value.media) && value.media.includes("video") }];
}

function parseUser(value: unknown): User[] {
  if (!isRecord(value)) return [];
  const id = text(value.id);
  const username = text(value.username);
  if (id === undefined || username === undefined) return [];
  const displayName = text(value.displayName);
  const online = value.online === true;
  return [
    {
      id,
      username,
      domain: text(value.domain) ?? "",
      displayName: displayName === undefined || displayName === "" ? username : displayName,
      online,
    },
  ];
}

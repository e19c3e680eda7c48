/**
 * What a sign-in grants: who I am, and the tokens that show it.  No requests, no clock.
 *
 * SAPI's answer, or what was kept of it -> **grant** -> session, vault
 */

import { TertuliaError } from "./errors";
import { isRecord } from "./frames";

export interface Identity {
  readonly userId: string;
  readonly username: string;
  readonly domain: string;
}

export interface Grant extends Identity {
  /** The session that it is of. */
  readonly id: string;
  readonly accessToken: string;
  /** Good once. */
  readonly refreshToken: string;
  /** Epoch ms at which the access token ends. */
  readonly expiresAt: number;
  /** How often it has been renewed: of two of one session the higher is the newer, whatever the clock says. */
  readonly serial: number;
}

/** An access token with less than this left is renewed first: a request must not outlive it on the way. */
const MARGIN_MS = 30_000;
const DEFAULT_LIFE_S = 300;
const TEXTS = ["id", "userId", "username", "domain", "accessToken", "refreshToken"];

export function hasLife(grant: Grant, now: number): boolean {
  return grant.expiresAt - now >= MARGIN_MS;
}

/** The newer of two grants of one session. */
export function newer(one: Grant, other: Grant | null): Grant {
  return other !== null && other.id === one.id && other.serial > one.serial ? other : one;
}

/** The grant of an answer to a sign-in, or to the renewal of the grant `before`. */
export function granted(body: unknown, before: Grant | null, now: number): Grant {
  const fields: Record<string, unknown> = isRecord(body) ? { ...before, ...body } : {};
  const lifeS = typeof fields.expiresIn === "number" ? fields.expiresIn : DEFAULT_LIFE_S;
  const serial = before === null ? 0 : before.serial + 1;
  const grant = parseGrant({ ...fields, expiresAt: now + lifeS * 1000, serial });
  if (grant === null) throw new TertuliaError(500, "The server's answer to the sign-in lacks something.");
  return grant;
}

/** A grant that was kept; null for what is none. */
export function keptGrant(kept: string | null): Grant | null {
  try {
    return parseGrant(JSON.parse(kept ?? "null"));
  } catch {
    return null;
  }
}

function parseGrant(value: unknown): Grant | null {
  if (!isGrant(value)) return null;
  const { id, userId, username, domain, accessToken, refreshToken, expiresAt, serial } = value;
  return { id, userId, username, domain, accessToken, refreshToken, expiresAt, serial };
}

function isGrant(value: unknown): value is Grant {
  if (!isRecord(value) || typeof value.expiresAt !== "number" || typeof value.serial !== "number") return false;
  return TEXTS.every((key) => typeof value[key] === "string");
}

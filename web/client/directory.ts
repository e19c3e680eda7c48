/** What SAPI lists: the users of my domain, and the calls that I missed.  What is none of these is left out. */

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

export function parseUsers(body: unknown): User[] {
  const users = isRecord(body) ? body.users : null;
  return Array.isArray(users) ? users.flatMap(parseUser) : [];
}

export function parseMissed(body: unknown): MissedCall[] {
  const calls = isRecord(body) ? body.calls : null;
  return Array.isArray(calls) ? calls.flatMap(parseMissedCall) : [];
}

function parseMissedCall(value: unknown): MissedCall[] {
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
  return [
    {
      id,
      username,
      domain: text(value.domain) ?? "",
      displayName: displayName === undefined || displayName === "" ? username : displayName,
      online: value.online === true,
    },
  ];
}

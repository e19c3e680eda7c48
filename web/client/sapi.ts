/**
 * One request to SAPI over HTTP, and what can go wrong with it.
 *
 * session, directory -> **sapi** -> signaling
 */

import { TertuliaError, asTertuliaError } from "./errors";

const TIMEOUT_MS = 10_000;

export interface RequestParts {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: object;
  /** The access token. */
  readonly token?: string;
}

/** The answer's body; throws a TertuliaError with the status of a refusal.  A DELETE outlives the page that asks for it. */
export async function request(base: string, path: string, parts: RequestParts): Promise<unknown> {
  const response = await fetch(base + path, init(parts)).catch(() => {
    throw new TertuliaError("unreachable");
  });
  if (!response.ok) throw new TertuliaError(response.status);
  if (response.status === 204) return null;
  return response.json().catch((thrown: unknown) => {
    throw asTertuliaError(thrown);
  });
}

function init({ method = "GET", body, token }: RequestParts): RequestInit {
  const headers = new Headers({ Accept: "application/json" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  const common = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), keepalive: method === "DELETE" };
  return body === undefined ? common : { ...common, body: JSON.stringify(body) };
}

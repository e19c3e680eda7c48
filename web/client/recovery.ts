/**
 * When to restart ICE.  No timers: told the connection's state and the time, it says when to act.
 *
 *   connected ── disconnected for PATIENCE_MS, or failed ──> restart ── still not connected after RETRY_MS ──> restart …
 *                                                                    └─ GIVE_UP_MS since it was last connected ──> rejoin
 *
 * The node forgets a peer that it has not heard of for 30 s (consent, RFC 7675), so a restart has no use after that: then
 * the device joins anew.
 */

export type IceState = "new" | "checking" | "connected" | "completed" | "disconnected" | "failed" | "closed";

/** Chromium says `disconnected` at each short gap of wireless networks, and recovers by itself from most. */
export const PATIENCE_MS = 3_000;
export const RETRY_MS = 5_000;
export const GIVE_UP_MS = 30_000;

export interface Recovery {
  /** Since when the connection has been in trouble; null while it is well. */
  readonly troubledSince: number | null;
  readonly restartedAt: number | null;
}

export const WELL: Recovery = { troubledSince: null, restartedAt: null };

export type Advice =
  | { readonly act: "nothing" }
  | { readonly act: "wait"; readonly until: number }
  | { readonly act: "restart" | "rejoin" };

/** The connection is in `state` now. */
export function observed(recovery: Recovery, state: IceState, now: number): Recovery {
  if (state === "connected" || state === "completed" || state === "closed") return WELL;
  if (recovery.troubledSince !== null || state === "new" || state === "checking") return recovery;
  return { troubledSince: now, restartedAt: null };
}

export function restarted(recovery: Recovery, now: number): Recovery {
  return { ...recovery, restartedAt: now };
}

export function advice(recovery: Recovery, state: IceState, now: number): Advice {
  const { troubledSince, restartedAt } = recovery;
  if (troubledSince === null) return { act: "nothing" };
  if (now >= troubledSince + GIVE_UP_MS) return { act: "rejoin" };
  const due = restartedAt === null ? firstRestart(state, troubledSince) : restartedAt + RETRY_MS;
  return now >= due ? { act: "restart" } : { act: "wait", until: Math.min(due, troubledSince + GIVE_UP_MS) };
}

function firstRestart(state: IceState, troubledSince: number): number {
  return state === "failed" ? troubledSince : troubledSince + PATIENCE_MS;
}

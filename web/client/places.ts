/** Where this browser lets a page keep the tokens of a session; some keep no storage or no locks for a page. */

import type { Locks, Places } from "./vault";

export function placesOf(tab: Storage): Places {
  return { tab, browser: browserStorage(), locks: browserLocks() };
}

/** A user may have forbidden it. */
function browserStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** Pages without https (and not of localhost) get none. */
function browserLocks(): Locks | null {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) return null;
  return { request: async (name, act) => await locks.request(name, act) };
}

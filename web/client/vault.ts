/**
 * Where a session's tokens are kept, so that all tabs which have the session use each refresh token once.
 *
 * session -> **vault** -> the tab's own storage (which session is it?), the browser's storage (its newest tokens), a lock
 *
 * Two tabs have one session when a tab is duplicated, or opened by another: the browser copies the tab's storage.  The
 * server takes a refresh token that comes twice for a stolen one and ends the session; so whoever renews does it alone,
 * leaves the successor where the others look, and looks there first himself.
 */

import { hasLife, keptGrant, newer, type Grant } from "./grant";

/** The part of `navigator.locks` that is needed. */
export interface Locks {
  request<T>(name: string, act: () => Promise<T>): Promise<T>;
}

export interface Places {
  /** The tab's own storage. */
  readonly tab: Storage;
  /** What all tabs of the browser see; null: there is none, each tab keeps to itself. */
  readonly browser: Storage | null;
  /** Null: there are none (a page without https); then two tabs may still renew at the very same moment. */
  readonly locks: Locks | null;
}

const KEY = "tertulia.session";
/** No refresh token is good for longer than this after it was given; older ones are swept. */
const SWEEP_MS = 90 * 86_400_000;

export class Vault {
  constructor(private readonly places: Places) {}

  /** What this tab kept, or what another tab has made of it since; null when nothing was kept. */
  load(): Grant | null {
    const kept = keptGrant(this.places.tab.getItem(KEY));
    return kept === null ? null : this.#newest(kept);
  }

  keep(grant: Grant): void {
    const kept = JSON.stringify(grant);
    this.places.tab.setItem(KEY, kept);
    if (grant.serial > 0) this.places.browser?.setItem(keyOf(grant), kept);
  }

  /** Forgets `grant` here and in the browser, and in this tab unless it has another session by now. */
  forget(grant: Grant): void {
    if (keptGrant(this.places.tab.getItem(KEY))?.id === grant.id) this.places.tab.removeItem(KEY);
    this.places.browser?.removeItem(keyOf(grant));
  }

  /** The successor of `grant`: another tab's if that has life, else what `exchange` gives, asked for by one tab at a time. */
  async renew(grant: Grant, now: number, exchange: (newest: Grant) => Promise<Grant>): Promise<Grant> {
    return this.#alone(keyOf(grant), async () => {
      const newest = this.#newest(grant);
      const isNews = newest !== grant && hasLife(newest, now);
      const renewed = isNews ? newest : await exchange(newest);
      this.keep(renewed);
      return renewed;
    });
  }

  /** Forgets what tabs left that were closed long ago. */
  sweep(now: number): void {
    const { browser } = this.places;
    if (browser === null) return;
    const keys = Array.from({ length: browser.length }, (_, index) => browser.key(index));
    for (const key of keys) {
      if (key?.startsWith(`${KEY}.`) !== true) continue;
      const kept = keptGrant(browser.getItem(key));
      if (kept === null || kept.expiresAt + SWEEP_MS < now) browser.removeItem(key);
    }
  }

  #newest(grant: Grant): Grant {
    return newer(grant, keptGrant(this.places.browser?.getItem(keyOf(grant)) ?? null));
  }

  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    return this.places.locks === null ? act() : this.places.locks.request(name, act);
  }
}

function keyOf(grant: Grant): string {
  return `${KEY}.${grant.id}`;
}

/** What a browser gives its tabs, for tests that run without one: storage, and locks that are granted in order. */

import type { Locks, Places } from "../../client/vault";

export class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  clear(): void {
    this.#items.clear();
  }
  /** As a browser does for a tab that is duplicated. */
  copy(): MemoryStorage {
    const copy = new MemoryStorage();
    for (const [key, value] of this.#items) copy.setItem(key, value);
    return copy;
  }
}

class MemoryLocks implements Locks {
  readonly #last = new Map<string, Promise<unknown>>();
  request<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(act);
    this.#last.set(name, mine);
    return mine;
  }
}

/** A browser with one tab; `duplicate` makes another of the same. */
export function browserWithTab(): Places & { tab: MemoryStorage; browser: MemoryStorage } {
  return { tab: new MemoryStorage(), browser: new MemoryStorage(), locks: new MemoryLocks() };
}

export function duplicate(places: Places & { tab: MemoryStorage }): Places & { tab: MemoryStorage } {
  return { ...places, tab: places.tab.copy() };
}

/**
 * The way back into the call that this tab was in when it was loaded anew, while that call goes on without us.
 *
 * client (which room is it?) -> **way back** -> the tab's storage; after a reload: signaling's rooms -> client (rejoin)
 */

import { Emitter } from "./emitter";
import type { Room } from "./frames";

const KEY = "tertulia.room";

export class WayBack extends Emitter<{ change: undefined }> {
  #room: Room | null = null;

  constructor(private readonly storage: Storage) {
    super();
  }

  /** Null: there is no such call. */
  get room(): Room | null {
    return this.#room;
  }

  /** This tab is in `room` now. */
  keep(room: string): void {
    this.storage.setItem(KEY, room);
  }

  /** Whether there is something to look for among my rooms. */
  get isKept(): boolean {
    return this.storage.getItem(KEY) !== null;
  }

  /** Of `mine`, the rooms that admit me, the one that this tab was in is offered. */
  offer(mine: readonly Room[]): void {
    const kept = this.storage.getItem(KEY);
    const room = mine.find((one) => one.room === kept) ?? null;
    if (room === null) this.forget();
    else this.#become(room);
  }

  /** Not offered any more; what is kept stays until it is over. */
  close(): void {
    this.#become(null);
  }

  forget(): void {
    this.storage.removeItem(KEY);
    this.#become(null);
  }

  #become(room: Room | null): void {
    this.#room = room;
    this.emit("change", undefined);
  }
}

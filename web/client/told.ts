/** What a call tells its user while it goes on: something that did not work, and what others did; the last of each. */

import { Emitter } from "./emitter";

export class Told extends Emitter<{ change: undefined }> {
  #notice: string | null = null;
  #news: string | null = null;

  /** Something that did not work though the call goes on. */
  get notice(): string | null {
    return this.#notice;
  }

  /** What others did that is worth telling. */
  get news(): string | null {
    return this.#news;
  }

  /** Null: what did not work does now. */
  notify(message: string | null): void {
    this.#notice = message;
    this.emit("change", undefined);
  }

  tell(message: string): void {
    this.#news = message;
    this.emit("change", undefined);
  }

  dismiss(): void {
    this.#notice = null;
    this.#news = null;
    this.emit("change", undefined);
  }
}

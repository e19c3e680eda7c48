/**
 * Tells the node what the user looks at: when it changes, and not too often.
 *
 * looks (sizes), page (pins) -> **viewing** -> room connection -> node; view.ts has the rules
 *
 * A `view` replaces the one before, so each has all of it.
 */

import { asTertuliaError, type TertuliaError } from "./errors";
import { viewOf, type Pin, type PictureSize, type View } from "./view";

/** Tiles that change together are told together. */
const GATHERED_MS = 100;
/** Two a second are plenty for somebody who drags a window's edge. */
const APART_MS = 500;
const NOTHING = "{}";

export class Viewing {
  readonly #sizes = new Map<number, PictureSize>();
  readonly #pins = new Map<number, Pin>();
  /** What the node knows, as text; null: not for sure. */
  #told: string | null = NOTHING;
  #toldAt = -Infinity;
  // Ours; `stop` ends it.
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  /**
   * `ask` says it to the node, and fails where that cannot be reached.  `seats` are those that the peer has now: after a
   * rejoin there may be fewer, and what is known of the others waits until they are there again.
   */
  constructor(
    private readonly ask: (view: View) => Promise<unknown>,
    private readonly seats: () => readonly number[],
  ) {}

  /** A seat is drawn in this size, or not at all (then the node does as if nothing was known of it). */
  look(seat: number, size: PictureSize | null): void {
    if (size === null) this.#sizes.delete(seat);
    else this.#sizes.set(seat, size);
    this.#plan();
  }

  /** Whoever sits there is to stay; null: the node chooses again. */
  pin(seat: number, pin: Pin | null): void {
    if (pin === null) this.#pins.delete(seat);
    else this.#pins.set(seat, pin);
    this.#plan();
  }

  pinned(seat: number): Pin | null {
    return this.#pins.get(seat) ?? null;
  }

  /** The node may know nothing any more: we have joined, or the link is back. */
  restate(): void {
    if (this.#told !== NOTHING) this.#told = null;
    this.#plan();
  }

  /** What could not be said a moment ago may be said now. */
  catchUp(): void {
    this.#plan();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    const wait = Math.max(GATHERED_MS, this.#toldAt + APART_MS - performance.now());
    this.#timer = setTimeout(() => void this.#tell(), wait);
  }

  async #tell(): Promise<void> {
    this.#timer = undefined;
    const view = viewOf(this.#sizes, this.#pins, this.seats());
    const text = JSON.stringify(view);
    if (text === this.#told) return;
    this.#told = text;
    this.#toldAt = performance.now();
    try {
      await this.ask(view);
    } catch (thrown) {
      this.#told = null;
      if (mayHelpAgain(asTertuliaError(thrown))) this.#plan();
    }
  }
}

/** Whether to try by ourselves: we are told when a link is back, and what is not understood never will be. */
function mayHelpAgain({ code }: TertuliaError): boolean {
  return code !== "unreachable" && code !== 400;
}

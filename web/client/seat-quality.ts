/**
 * How well each seat comes in: what the node says of the participant, and what the browser counts of the seat.
 *
 * node link (`quality`), peer media (counters, read now and then) -> **seat quality** -> room connection; quality.ts has
 * the rule
 */

import { quality, worse, type Quality, type Reading } from "./quality";
import type { SeatMids, Tile } from "./seats";

/** How often the counters are to be read. */
export const READING_MS = 2_000;

export class SeatQuality {
  #told: Readonly<Record<string, Quality>> = {};
  #measured = new Map<number, Quality>();
  #readings: ReadonlyMap<string, Reading> = new Map();

  /** The worse of the two; null while nothing comes. */
  of({ seat, occupant }: Tile): Quality | null {
    const told = this.#told[occupant.participant];
    const measured = this.#measured.get(seat) ?? null;
    if (told === undefined || measured === null) return told ?? measured;
    return worse(told, measured);
  }

  /** The node's word, of some of the participants. */
  tell(told: Readonly<Record<string, Quality>>): void {
    this.#told = { ...this.#told, ...told };
  }

  /** The counters now, by mid; READING_MS after the last ones. */
  read(readings: ReadonlyMap<string, Reading>, seats: readonly SeatMids[]): void {
    const before = this.#readings;
    this.#readings = readings;
    for (const seat of seats) this.#measure(seat, before);
  }

  #measure({ seat, mids }: SeatMids, before: ReadonlyMap<string, Reading>): void {
    const found = [mids.audio, mids.video].flatMap((mid) => {
      const now = this.#readings.get(mid);
      const then = before.get(mid);
      const one = now === undefined || then === undefined ? null : quality(then, now, READING_MS / 1000);
      return one === null ? [] : [one];
    });
    if (found.length === 0) this.#measured.delete(seat);
    else this.#measured.set(seat, found.reduce(worse));
  }
}

/**
 * How well a seat is received, from two readings of the browser's counters.
 *
 * The node says it too (`quality`), about everybody; the worse of the two is shown.
 */

export type Quality = "good" | "fair" | "poor" | "lost";

/** Counters of one seat since its start. */
export interface Reading {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly framesDecoded: number;
  /** Seconds of stand-still. */
  readonly freezes: number;
}

export const FAIR_LOSS = 0.02;
export const POOR_LOSS = 0.08;

/** `seconds` apart; null when nothing was to be received. */
export function quality(before: Reading, after: Reading, seconds: number): Quality | null {
  const received = after.packetsReceived - before.packetsReceived;
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  if (received + lost <= 0) return null;
  const loss = lost / (received + lost);
  const frozen = (after.freezes - before.freezes) / seconds;
  if (loss >= POOR_LOSS || frozen > 0.25) return "poor";
  return loss >= FAIR_LOSS || frozen > 0 ? "fair" : "good";
}

const ORDER: readonly Quality[] = ["good", "fair", "poor", "lost"];

export function worse(a: Quality, b: Quality): Quality {
  return ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b;
}

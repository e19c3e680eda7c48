/**
 * Figures of a call while somebody looks at them: the browser's once a second, and the node's where it gives them.
 *
 * getStats (each second), node link (`stats`) -> **measuring** -> room connection -> a page's overlay; figures.ts has the rule
 */

import {
  figures,
  type Figures,
  type ReceivedPicture,
  type ReceivedSound,
  type Report,
  type SentPicture,
} from "./figures";
import { midOf, type Source, type Tile } from "./seats";

export const FIGURES_MS = 1_000;
/** How often the node is to tell its side. */
const NODE_S = 2;

/** The node's side of one seat's picture. */
export interface NodePicture {
  /** Which of the publisher's layers is sent on, counted from the lowest, 0; null: none. */
  readonly layer?: number | null;
  readonly temporal?: number | null;
  /** The highest spatial layer of a stream that has several (SVC) which is sent on; null: all. */
  readonly spatial?: number | null;
}

/** The node's side of a source that we send, as it comes in there. */
export interface NodeTrack {
  /** The share that did not come, 0 to 1. */
  readonly loss?: number | null;
  readonly jitterMs?: number | null;
}

/** `stats`: the node's side of what comes to us, and of what we send. */
export interface NodeStats {
  /** What it reckons that the way to us carries. */
  readonly estimateKbps?: number | null;
  readonly sendingKbps?: number | null;
  readonly queueMs?: number | null;
  readonly tracks?: Readonly<Record<string, NodeTrack>>;
  readonly seats?: Readonly<Record<string, { readonly video?: NodePicture | null } | null>>;
}

/** How one seat comes in. */
export interface SeatFigures {
  readonly source: "camera" | "screen";
  readonly picture: ReceivedPicture | null;
  readonly sound: ReceivedSound | null;
  /** The node's side of the picture, where it tells that. */
  readonly node: NodePicture | null;
}

/** How a source of ours goes out. */
export interface SentFigures {
  readonly source: Source;
  /** Null for sound. */
  readonly picture: SentPicture | null;
  /** The node's side, where it tells that. */
  readonly node: NodeTrack | null;
}

/** What is looked at of a tile. */
export type MeasuredTile = Pick<Tile, "seat" | "mids"> & { readonly occupant: Pick<Tile["occupant"], "source"> };

/** What is measured: the connection of this moment, and the node that it leads to. */
export interface Measured {
  /** The browser's counters now. */
  report(): Promise<Report>;
  /** What our m-lines are, by mid. */
  sent(): Readonly<Record<string, { readonly source: Source }>>;
  /** Asks the node to tell its side each so many seconds, or no more. */
  ask(request: { readonly every_s?: number }): Promise<unknown>;
  changed(): void;
}

export class Measuring {
  #before: Report | null = null;
  #figures: Figures | null = null;
  #told: NodeStats | null = null;
  // Ours; `set(false)` ends it.
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly measured: Measured) {}

  /** Null before there are two reports to compare, and while nobody looks. */
  get figures(): Figures | null {
    return this.#figures;
  }

  /** Null where the node tells nothing, as an older one does not. */
  get told(): NodeStats | null {
    return this.#told;
  }

  /** One seat's; null while there is nothing to say. */
  of({ seat, mids, occupant }: MeasuredTile): SeatFigures | null {
    if (this.#figures === null) return null;
    return {
      source: occupant.source,
      picture: this.#figures.pictures.get(mids.video) ?? null,
      sound: this.#figures.sounds.get(mids.audio) ?? null,
      node: this.#told?.seats?.[String(seat)]?.video ?? null,
    };
  }

  /** The pictures that we send, and the sound as far as the node tells of it. */
  get sent(): SentFigures[] {
    const arriving = new Map(Object.entries(this.#told?.tracks ?? {}).map(([track, node]) => [midOf(track), node]));
    return Object.entries(this.measured.sent()).flatMap(([mid, { source }]) => {
      const picture = this.#figures?.sent.get(mid) ?? null;
      const node = arriving.get(mid) ?? null;
      return picture === null && node === null ? [] : [{ source, picture, node }];
    });
  }

  /** Counts for as long as somebody looks at it. */
  set(isOn: boolean): void {
    if (isOn === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = isOn ? setInterval(() => void this.#read(), FIGURES_MS) : undefined;
    this.#before = this.#figures = this.#told = null;
    if (isOn) void this.#read();
    this.#ask(isOn ? { every_s: NODE_S } : {});
  }

  /** We have joined, or the link is back: the node may not know that we look. */
  restate(): void {
    if (this.#timer === undefined) return;
    this.#told = null;
    this.#ask({ every_s: NODE_S });
  }

  hear(stats: NodeStats): void {
    if (this.#timer !== undefined) this.#told = stats;
  }

  #ask(request: { readonly every_s?: number }): void {
    this.measured.ask(request).catch(() => undefined); // an older node does not know it: then its side is not shown
  }

  async #read(): Promise<void> {
    const report = await this.measured.report();
    if (this.#timer === undefined) return;
    if (this.#before !== null) this.#figures = figures(this.#before, report);
    this.#before = report;
    this.measured.changed();
  }
}

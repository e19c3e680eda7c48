/**
 * What the node is told of what the user looks at: how large each seat is drawn, and who is to stay in it.
 *
 * looks (elements) -> viewing -> node; **view** has the rules.  No elements, no clock.
 *
 * The node chooses layers by it, so only sizes that make a difference are told: a few pixels make no traffic.
 */

/** One seat of a `view`; what is left out is the node's to choose. */
export interface SeatWish {
  readonly participant?: string;
  readonly source?: "camera" | "screen";
  /** Device pixels; 0 × 0: nobody sees it. */
  readonly width?: number;
  readonly height?: number;
  readonly priority?: number;
}

export type View = Readonly<Record<string, SeatWish>>;

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Who is to stay in a seat. */
export interface Pin {
  readonly participant: string;
  readonly source: "camera" | "screen";
}

/** An element that draws a picture: its size in device pixels, and the picture's width to height. */
export interface Drawn extends PictureSize {
  readonly aspect: number;
  /** Whether the picture fills the element and loses something at the sides, or is seen whole. */
  readonly isFilled: boolean;
}

/** Lines at which a picture may as well be a larger one; a camera's layers have 180, 360 and 720. */
const STEPS = [90, 180, 270, 360, 540, 720, 1080, 1440, 2160] as const;
const MOST = 2160;
/** A size has to leave its step by this much, or a window's edge that is dragged about would ask for layer after layer. */
const SLACK = 0.1;
/** Above cameras that are just there, below a shared screen, which the node puts at 200. */
export const PINNED = 180;

/** How many lines a picture has that is as fine as what draws it. */
export function linesDrawn({ width, height, aspect, isFilled }: Drawn): number {
  if (width <= 0 || height <= 0) return 0;
  return isFilled ? Math.max(height, width / aspect) : Math.min(height, width / aspect);
}

/** The step of `lines`, which is the step `before` for as long as that does nearly as well. */
export function stepped(lines: number, before: number): number {
  if (lines <= 0) return 0;
  const mayStay = stepUp(lines * (1 - SLACK)) <= before && before <= stepUp(lines * (1 + SLACK));
  return mayStay ? before : stepUp(lines);
}

function stepUp(lines: number): number {
  return STEPS.find((step) => step >= lines) ?? MOST;
}

/**
 * What is told of so many lines.  The node measures pictures by their lines, and does not know what loses its sides here or
 * stands upright: so all of them are told as 16 wide for 9 high.
 */
export function pictureSize(lines: number): PictureSize {
  return { width: (lines * 16) / 9, height: lines };
}

/** The `view` of sizes and pins by seat, of `seats` alone: a node refuses all of one that names a seat it does not know. */
export function viewOf(
  sizes: ReadonlyMap<number, PictureSize>,
  pins: ReadonlyMap<number, Pin>,
  seats: readonly number[],
): View {
  const named = seats.filter((seat) => sizes.has(seat) || pins.has(seat));
  return Object.fromEntries(named.map((seat) => [String(seat), wish(sizes.get(seat), pins.get(seat))]));
}

function wish(size: PictureSize | undefined, pin: Pin | undefined): SeatWish {
  return { ...(pin === undefined ? {} : { ...pin, priority: PINNED }), ...size };
}

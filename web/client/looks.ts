/**
 * How large the seats are drawn, and whether anybody sees them: follows the elements of a page.
 *
 * page (video elements) -> **looks** -> viewing; view.ts has the rules
 */

import { linesDrawn, pictureSize, stepped, type PictureSize } from "./view";

interface Watched {
  readonly seat: number;
  readonly element: HTMLVideoElement;
  isOnScreen: boolean;
  lines: number;
}

/** What a picture is taken for until it comes. */
const USUAL_ASPECT = 16 / 9;
/** What may change a picture's size or who sees it, and is told by its element. */
const EVENTS = ["resize", "enterpictureinpicture", "leavepictureinpicture"] as const;

export class Looks {
  readonly #watched = new Map<Element, Watched>();
  // Ours; `close` ends them.
  readonly #sizes: ResizeObserver;
  readonly #sights: IntersectionObserver;
  readonly #measureAll = () => {
    for (const one of this.#watched.values()) this.#measure(one);
  };

  /** `tell` hears the size of a seat, 0 × 0 while it is hidden, null when it is watched no more. */
  constructor(private readonly tell: (seat: number, size: PictureSize | null) => void) {
    this.#sizes = new ResizeObserver(this.#measureAll);
    this.#sights = new IntersectionObserver((entries) => this.#crossed(entries));
    document.addEventListener("visibilitychange", this.#measureAll);
  }

  /** Follows the element that shows a seat's picture; the function that is returned ends that. */
  watch(seat: number, element: HTMLVideoElement): () => void {
    const watched: Watched = { seat, element, isOnScreen: true, lines: 0 };
    this.#watched.set(element, watched);
    this.#sizes.observe(element);
    this.#sights.observe(element);
    const measure = () => this.#measure(watched);
    for (const name of EVENTS) element.addEventListener(name, measure);
    return () => {
      for (const name of EVENTS) element.removeEventListener(name, measure);
      this.#forget(watched);
    };
  }

  close(): void {
    this.#sizes.disconnect();
    this.#sights.disconnect();
    document.removeEventListener("visibilitychange", this.#measureAll);
    this.#watched.clear();
  }

  #forget(watched: Watched): void {
    if (this.#watched.get(watched.element) !== watched) return;
    this.#watched.delete(watched.element);
    this.#sizes.unobserve(watched.element);
    this.#sights.unobserve(watched.element);
    this.tell(watched.seat, null);
  }

  #crossed(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const watched = this.#watched.get(target);
      if (watched === undefined) continue;
      watched.isOnScreen = isIntersecting;
      this.#measure(watched);
    }
  }

  #measure(watched: Watched): void {
    const { element } = watched;
    const { videoWidth, videoHeight } = element;
    const aspect = videoWidth > 0 && videoHeight > 0 ? videoWidth / videoHeight : USUAL_ASPECT;
    const drawn = {
      width: element.clientWidth * window.devicePixelRatio,
      height: element.clientHeight * window.devicePixelRatio,
      aspect,
      isFilled: getComputedStyle(element).objectFit === "cover",
    };
    watched.lines = stepped(isSeen(watched) ? linesDrawn(drawn) : 0, watched.lines);
    this.tell(watched.seat, pictureSize(watched.lines));
  }
}

/** A picture taken out of its page is seen wherever the page is. */
function isSeen({ element, isOnScreen }: Watched): boolean {
  if (document.pictureInPictureElement === element) return true;
  return isOnScreen && document.visibilityState === "visible";
}

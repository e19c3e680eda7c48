/** How components follow things that change by themselves. */

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { Tertulia } from "../client";

/** Draws the component anew whenever the client has something to show. */
export function useClient(client: Tertulia): void {
  const [, setDrawn] = useState(0);
  useEffect(() => client.on("change", () => setDrawn((count) => count + 1)), [client]);
}

/** The time, each `ms`; for durations on show. */
export function useNow(ms: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), ms);
    return () => window.clearInterval(timer);
  }, [ms]);
  return now;
}

/** Does something when a key is pressed alone, and not while something is typed. */
export function useKey(key: string, act: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== key || event.repeat || isTyped(event)) return;
      act();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [key, act]);
}

function isTyped({ target, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  if (altKey || ctrlKey || metaKey) return true;
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of an element as it changes, in CSS pixels. */
export function useSize(element: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

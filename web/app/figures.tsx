/** Figures of a call over its pictures, for those who want to know why it looks as it does. */

import type { JSX } from "preact";

import type { Measuring } from "../client";
import { sentLines, wayLines } from "./figure-lines";

/**
 * Lines of figures over a picture.  They change each second and are no text to be read out; what they come to is said by
 * the seat's quality, which has a name.
 */
export function Lines({ lines, place = "" }: { lines: readonly string[]; place?: string }): JSX.Element {
  return (
    <ul class={`figures ${place}`} aria-hidden="true" data-testid="figure-lines">
      {lines.map((line, index) => (
        <li key={index}>{line}</li>
      ))}
    </ul>
  );
}

const SENT = new Map([
  ["microphone", "Your voice"],
  ["camera", "You"],
  ["screen", "Your screen"],
  ["screen-audio", "Sound of your screen"],
]);

/** What I send, and what both ways carry. */
export function OwnFigures({ measuring }: { measuring: Measuring }): JSX.Element | null {
  const { figures, told, sent } = measuring;
  if (figures === null) return null;
  const lines = sent.flatMap((one) => sentLines(SENT.get(one.source) ?? one.source, one));
  return <Lines place="mine" lines={[...lines, ...wayLines(figures, told)]} />;
}

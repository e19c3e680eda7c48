/** A person without a picture: initials on the colour of the name. */

import type { JSX } from "preact";

import { hueOf, initials } from "./rules";

export function Avatar({ name, size = "medium" }: { name: string; size?: "medium" | "large" }): JSX.Element {
  return (
    <span class={`avatar ${size}`} style={{ "--hue": String(hueOf(name)) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

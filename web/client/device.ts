/** What this browser tells signaling of itself; each client is a device of its own. */

import { freshId } from "./ids";

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

export function thisDevice(): Device {
  return { id: freshId(), name: browserName(navigator.userAgent), kind: "browser" };
}

export function browserName(agent: string): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\//.exec(agent)?.[1] ?? "Browser";
  return browser === "Edg" ? "Edge" : browser;
}

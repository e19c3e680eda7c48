/**
 * What the page reckons: how tiles share the stage, times, initials, colours.  Values in, values out.
 */

/**
 * Columns that give `count` tiles the largest pictures on a stage of this size.
 *
 * Tiles are reckoned as 4:3: pictures fill them and may lose something at the sides, never half a face.
 */
export function columnsFor(count: number, width: number, height: number, aspect = 4 / 3): number {
  let best = { columns: 1, area: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const tileWidth = Math.min(width / columns, (height / rows) * aspect);
    const area = tileWidth * tileWidth;
    if (area > best.area) best = { columns, area };
  }
  return best.columns;
}

/** `75` s as `1:15`, from an hour on `1:00:00`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** When something was, as short as it is clear: the time of today, else the day too. */
export function timeOf(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  const time = { hour: "2-digit", minute: "2-digit" } as const;
  return new Intl.DateTimeFormat(undefined, isToday ? time : { day: "numeric", month: "short", ...time }).format(at);
}

/** Names as a sentence has them: `Bob`, `Bob and Carol`, `Bob, Carol and Dave`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(/[\s._@-]+/u).filter((word) => word !== "");
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen
    .map((word = "") => String.fromCodePoint(word.codePointAt(0) ?? 0x2d))
    .join("")
    .toUpperCase();
}

/** The same name has the same colour everywhere: a hue in degrees. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const letter of name.toLowerCase()) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 3600;
  return Math.floor(hash / 10);
}

import { describe, expect, test } from "vitest";

import type { Room } from "../../client/frames";
import { WayBack } from "../../client/way-back";
import { MemoryStorage } from "./browser-stores";

function room(name: string): Room {
  const server = { https: "", wss: "" };
  return { room: name, token: "t", server, ice: [], bitrate: 1, participants: [], held: [], isLocked: false };
}

/** A tab that was in room `r` and is loaded anew. */
function reloaded(): WayBack {
  const storage = new MemoryStorage();
  new WayBack(storage).keep("r");
  return new WayBack(storage);
}

describe("the way back into a call after a reload", () => {
  test("is offered while the room of this tab admits me", () => {
    const back = reloaded();
    expect([back.isKept, back.room]).toEqual([true, null]);
    back.offer([room("q"), room("r")]);
    expect(back.room?.room).toBe("r");
  });

  test("is forgotten when that room is none of mine any more", () => {
    const back = reloaded();
    back.offer([room("q")]);
    expect([back.isKept, back.room]).toEqual([false, null]);
  });

  test("is not offered any more once another call begins, and forgotten when it ends", () => {
    const back = reloaded();
    back.offer([room("r")]);
    back.close();
    expect([back.isKept, back.room]).toEqual([true, null]);
    back.forget();
    expect(back.isKept).toBe(false);
  });

  test("is not there in a tab that was in no call", () => {
    expect(new WayBack(new MemoryStorage()).isKept).toBe(false);
  });
});

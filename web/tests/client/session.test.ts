import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { Session } from "../../client/session";
import { browserWithTab, duplicate } from "./browser-stores";

/** A SAPI with one user, as far as sessions go: each refresh token is good once.  It notes what it is asked. */
class Sapi {
  readonly asked: string[] = [];
  expiresIn = 300;
  /** How many renewals there were: the number of the token that is good. */
  serial = 0;
  /** The session is over: a refresh token came twice, or it was ended. */
  isOver = false;
  /** Its history; null: it keeps none. */
  calls: unknown[] | null = null;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        this.asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
        const [status, answer] = this.#answer(request.url ?? "", body, request.headers.authorization);
        response.writeHead(status, { "Content-Type": "application/json" }).end(answer && JSON.stringify(answer));
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
  }

  #answer(path: string, body: string, authorization: string | undefined): [number, object | null] {
    if (path === "/sapi/users") {
      if (authorization !== "Bearer access-1") return [401, {}];
      return [200, { users: [{ id: "b", username: "bob", domain: "d", displayName: "", online: true }, "nonsense"] }];
    }
    if (path.startsWith("/sapi/calls")) return this.calls === null ? [404, {}] : [200, { calls: this.calls }];
    if (path === "/sapi/sessions/s") return this.#end(authorization);
    const asked = JSON.parse(body) as Record<string, string>;
    if (path === "/sapi/sessions" && asked.password !== "right") return [401, { title: "no" }];
    if (path === "/sapi/sessions/refresh") {
      this.isOver ||= asked.refreshToken !== `refresh-${this.serial}`;
      if (this.isOver) return [401, {}];
      this.serial++;
    }
    const [accessToken, refreshToken] = [`access-${this.serial}`, `refresh-${this.serial}`];
    const { expiresIn } = this;
    return [201, { id: "s", userId: "a", username: "alice", domain: "d", accessToken, refreshToken, expiresIn }];
  }

  #end(authorization: string | undefined): [number, null] {
    if (authorization !== `Bearer access-${this.serial}`) return [401, null];
    this.isOver = true;
    return [204, null];
  }
}

describe("a session", () => {
  const sapi = { current: new Sapi() };
  let base = "";
  let places = browserWithTab();

  beforeEach(async () => {
    sapi.current = new Sapi();
    places = browserWithTab();
    base = await sapi.current.start();
  });
  afterEach(() => sapi.current.stop());

  test("is refused with 401 for a wrong password, in words", async () => {
    await expect(Session.signIn(base, places, "alice", "wrong")).rejects.toMatchObject({
      code: 401,
      message: "Wrong name or password.",
    });
    expect(Session.restore(base, places)).toBeNull();
  });

  test("is kept for the tab and restored", async () => {
    await Session.signIn(base, places, "alice", "right");
    expect(Session.restore(base, places)?.identity).toMatchObject({ userId: "a", username: "alice", domain: "d" });
  });

  test("that was forgotten is not restored", async () => {
    (await Session.signIn(base, places, "alice", "right")).forget();
    expect(Session.restore(base, places)).toBeNull();
  });

  test("is not restored from what is no session", () => {
    for (const kept of ["", "{", "7", "{}", '{"accessToken":"x"}']) {
      places.tab.setItem("tertulia.session", kept);
      expect(Session.restore(base, places)).toBeNull();
    }
  });

  test("renews its token shortly before the end, once for all who ask", async () => {
    sapi.current.expiresIn = 20;
    const session = await Session.signIn(base, places, "alice", "right");
    const tokens = await Promise.all([session.accessToken(), session.accessToken()]);
    expect(tokens).toEqual(["access-1", "access-1"]);
    expect(sapi.current.asked.filter((one) => one.endsWith("/refresh"))).toHaveLength(1);
  });

  test("asks with its own token while that has life left", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    expect(await session.accessToken()).toBe("access-0");
  });

  test("that two tabs have is renewed by one of them, and both go on", async () => {
    sapi.current.expiresIn = 40;
    const one = await Session.signIn(base, places, "alice", "right");
    const other = Session.restore(base, duplicate(places));
    const soon = Date.now() + 20_000;
    expect(await Promise.all([one.accessToken(soon), other?.accessToken(soon)])).toEqual(["access-1", "access-1"]);
    expect(sapi.current.asked.filter((one) => one.endsWith("/refresh"))).toHaveLength(1);
    await Promise.all([one.accessToken(soon + 40_000), other?.accessToken(soon + 40_000)]);
    expect(sapi.current.isOver).toBe(false);
  });

  test("whose tokens another tab renewed long ago goes on from the newest", async () => {
    sapi.current.expiresIn = 20;
    const one = await Session.signIn(base, places, "alice", "right");
    const asleep = Session.restore(base, duplicate(places));
    await one.renew();
    await one.renew();
    await asleep?.renew();
    expect(await asleep?.accessToken(Date.now() - 60_000)).toBe("access-3");
    expect(sapi.current.isOver).toBe(false);
  });

  test("is restored with the tokens that another tab got since", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    const copy = duplicate(places);
    await session.renew();
    expect(await Session.restore(base, copy)?.accessToken()).toBe("access-1");
  });

  test("of one tab is not renewed by the session of another", async () => {
    const one = await Session.signIn(base, places, "alice", "right");
    const stranger = { ...places, tab: browserWithTab().tab };
    await one.renew();
    expect(Session.restore(base, stranger)).toBeNull();
  });

  test("that ends leaves no token in the browser, and is over at the server", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    await session.renew();
    await session.end();
    expect([places.tab.length, places.browser.length]).toEqual([0, 0]);
    expect(sapi.current.isOver).toBe(true);
  });

  test("that ends while it is renewed leaves no token in the browser", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    const renewing = session.renew();
    session.forget();
    await renewing;
    expect([places.tab.length, places.browser.length]).toEqual([0, 0]);
  });

  test("sweeps at its start what tabs left that were closed long ago, and nothing else", async () => {
    const kept = { userId: "a", username: "alice", domain: "d", accessToken: "x", refreshToken: "y", serial: 1 };
    const at = (expiresAt: number, id: string) => JSON.stringify({ ...kept, id, expiresAt });
    places.browser.setItem("tertulia.session.old", at(Date.now() - 91 * 86_400_000, "old"));
    places.browser.setItem("tertulia.session.torn", "{");
    places.browser.setItem("tertulia.session.new", at(Date.now(), "new"));
    places.browser.setItem("theirs", "1");
    await Session.signIn(base, places, "alice", "right");
    expect([0, 1, 2].map((index) => places.browser.key(index))).toEqual(["tertulia.session.new", "theirs", null]);
  });

  test("is renewed without locks and without the browser's storage as well", async () => {
    const bare = { ...places, browser: null, locks: null };
    const session = await Session.signIn(base, bare, "alice", "right");
    await session.renew();
    expect(await Session.restore(base, bare)?.accessToken()).toBe("access-1");
  });

  test("that cannot be renewed says 401", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    sapi.current.isOver = true;
    await expect(session.renew()).rejects.toMatchObject({ code: 401 });
  });

  test("reads the users, and leaves out what is none", async () => {
    sapi.current.expiresIn = 20;
    const session = await Session.signIn(base, places, "alice", "right");
    expect(await session.users()).toEqual([
      { id: "b", username: "bob", domain: "d", displayName: "bob", online: true },
    ]);
  });

  test("reads the calls that I missed, and leaves out what is none", async () => {
    const missed = { id: "r1", from: "b", to: "a", media: ["audio", "video"], createdAt: 7_000, reason: "DECLINED" };
    sapi.current.calls = [missed, { ...missed, id: "r2", media: ["audio"] }, { ...missed, from: 7 }, "nonsense"];
    const session = await Session.signIn(base, places, "alice", "right");
    expect(await session.missed()).toEqual([
      { id: "r1", from: "b", at: 7_000, video: true },
      { id: "r2", from: "b", at: 7_000, video: false },
    ]);
    expect(sapi.current.asked.at(-1)).toBe("GET /sapi/calls?missed=true&limit=10");
  });

  test("has missed nothing where no history is kept", async () => {
    const session = await Session.signIn(base, places, "alice", "right");
    expect(await session.missed()).toEqual([]);
  });

  test("without a server says that it cannot be reached", async () => {
    sapi.current.stop();
    await expect(Session.signIn("http://127.0.0.1:9", places, "alice", "right")).rejects.toMatchObject({
      code: "unreachable",
    });
  });
});

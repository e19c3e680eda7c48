import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { Session } from "../../client/session";

/** A SAPI with one user, as far as sessions go; it counts what it is asked. */
class Sapi {
  readonly asked: string[] = [];
  expiresIn = 300;
  refreshToken = "refresh-0";
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
        response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
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

  #answer(path: string, body: string, authorization: string | undefined): [number, object] {
    if (path === "/sapi/users") {
      if (authorization !== "Bearer access-1") return [401, {}];
      return [200, { users: [{ id: "b", username: "bob", domain: "d", displayName: "", online: true }, "nonsense"] }];
    }
    if (path.startsWith("/sapi/calls")) return this.calls === null ? [404, {}] : [200, { calls: this.calls }];
    const asked = JSON.parse(body) as Record<string, string>;
    if (path === "/sapi/sessions" && asked.password !== "right") return [401, { title: "no" }];
    if (path === "/sapi/sessions/refresh" && asked.refreshToken !== this.refreshToken) return [401, {}];
    const accessToken = path === "/sapi/sessions" ? "access-0" : "access-1";
    const { expiresIn, refreshToken } = this;
    return [201, { id: "s", userId: "a", username: "alice", domain: "d", accessToken, refreshToken, expiresIn }];
  }
}

class MemoryStorage extends Map<string, string> implements Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  getItem(key: string): string | null {
    return this.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.set(key, value);
  }
  removeItem(key: string): void {
    this.delete(key);
  }
}

describe("a session", () => {
  const sapi = { current: new Sapi() };
  let base = "";
  let storage = new MemoryStorage() as unknown as Storage;

  beforeEach(async () => {
    sapi.current = new Sapi();
    storage = new MemoryStorage() as unknown as Storage;
    base = await sapi.current.start();
  });
  afterEach(() => sapi.current.stop());

  test("is refused with 401 for a wrong password, in words", async () => {
    await expect(Session.signIn(base, storage, "alice", "wrong")).rejects.toMatchObject({
      code: 401,
      message: "Wrong name or password.",
    });
    expect(Session.restore(base, storage)).toBeNull();
  });

  test("is kept for the tab and restored", async () => {
    await Session.signIn(base, storage, "alice", "right");
    expect(Session.restore(base, storage)?.identity).toMatchObject({ userId: "a", username: "alice", domain: "d" });
  });

  test("that was forgotten is not restored", async () => {
    (await Session.signIn(base, storage, "alice", "right")).forget();
    expect(Session.restore(base, storage)).toBeNull();
  });

  test("is not restored from what is no session", () => {
    for (const kept of ["", "{", "7", "{}", '{"accessToken":"x"}']) {
      storage.setItem("tertulia.session", kept);
      expect(Session.restore(base, storage)).toBeNull();
    }
  });

  test("renews its token shortly before the end, once for all who ask", async () => {
    sapi.current.expiresIn = 20;
    const session = await Session.signIn(base, storage, "alice", "right");
    const tokens = await Promise.all([session.accessToken(), session.accessToken()]);
    expect(tokens).toEqual(["access-1", "access-1"]);
    expect(sapi.current.asked.filter((one) => one.endsWith("/refresh"))).toHaveLength(1);
  });

  test("asks with its own token while that has life left", async () => {
    const session = await Session.signIn(base, storage, "alice", "right");
    expect(await session.accessToken()).toBe("access-0");
  });

  test("that cannot be renewed says 401", async () => {
    const session = await Session.signIn(base, storage, "alice", "right");
    sapi.current.refreshToken = "another";
    await expect(session.renew()).rejects.toMatchObject({ code: 401 });
  });

  test("reads the users, and leaves out what is none", async () => {
    sapi.current.expiresIn = 20;
    const session = await Session.signIn(base, storage, "alice", "right");
    expect(await session.users()).toEqual([
      { id: "b", username: "bob", domain: "d", displayName: "bob", online: true },
    ]);
  });

  test("reads the calls that I missed, and leaves out what is none", async () => {
    const missed = { id: "r1", from: "b", to: "a", media: ["audio", "video"], createdAt: 7_000, reason: "DECLINED" };
    sapi.current.calls = [missed, { ...missed, id: "r2", media: ["audio"] }, { ...missed, from: 7 }, "nonsense"];
    const session = await Session.signIn(base, storage, "alice", "right");
    expect(await session.missed()).toEqual([
      { id: "r1", from: "b", at: 7_000, video: true },
      { id: "r2", from: "b", at: 7_000, video: false },
    ]);
    expect(sapi.current.asked.at(-1)).toBe("GET /sapi/calls?missed=true&limit=10");
  });

  test("has missed nothing where no history is kept", async () => {
    const session = await Session.signIn(base, storage, "alice", "right");
    expect(await session.missed()).toEqual([]);
  });

  test("without a server says that it cannot be reached", async () => {
    sapi.current.stop();
    await expect(Session.signIn("http://127.0.0.1:9", storage, "alice", "right")).rejects.toMatchObject({
      code: "unreachable",
    });
  });
});

import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { TertuliaError } from "../../client/errors";
import { NodeLink } from "../../client/node-link";

type Ack = (answer: object) => void;

/** A Socket.IO server at a node's path that admits one token. */
class FarEnd {
  readonly hellos: Record<string, unknown>[] = [];
  readonly sockets: Socket[] = [];
  refusal: Error & { data?: object } = Object.assign(new Error("user not included into ACL"), { data: { error: 403 } });
  readonly #http: HttpServer = createServer();
  readonly #io = new Server(this.#http, { path: "/sfu1/socket.io" });

  async start(): Promise<string> {
    this.#io.use((socket, next) => {
      this.hellos.push(socket.handshake.auth);
      next(socket.handshake.auth.token === "good" ? undefined : this.refusal);
    });
    this.#io.on("connection", (socket) => {
      this.sockets.push(socket);
      socket.on("join", (data: { sdp: string }, ack: Ack) => ack({ sdp: `answer to ${data.sdp}`, peer: "p1" }));
      socket.on("offer", (_: object, ack: Ack) => ack({ error: 400, message: "sdp line 3: malformed m-line" }));
      socket.on("tracks", () => socket.conn.close());
    });
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/sfu1/socket.io`;
  }

  async stop(): Promise<void> {
    await this.#io.close();
  }
}

describe("the link to a node", () => {
  let far = new FarEnd();
  let https = "";
  const open: NodeLink[] = [];

  beforeEach(async () => {
    far = new FarEnd();
    https = await far.start();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await far.stop();
  });

  function connect(token = "good"): { link: NodeLink; told: unknown[] } {
    const link = new NodeLink(https, "room", token);
    const told: unknown[] = [];
    link.on("up", () => told.push("up"));
    link.on("down", () => told.push("down"));
    link.on("refused", (error: TertuliaError) => told.push(error.code));
    open.push(link);
    link.connect();
    return { link, told };
  }

  test("presents room and token and asks by events", async () => {
    const { link, told } = connect();
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    expect(far.hellos).toEqual([{ room: "room", token: "good" }]);
    expect(await link.request("join", { sdp: "x" })).toEqual({ sdp: "answer to x", peer: "p1" });
  });

  test("throws the code and the words of a refused request", async () => {
    const { link, told } = connect();
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    await expect(link.request("offer", { sdp: "x" })).rejects.toMatchObject({
      code: 400,
      message: "sdp line 3: malformed m-line",
    });
  });

  test("tells a refused token, and does not try it again", async () => {
    const { told } = connect("bad");
    await vi.waitFor(() => expect(told).toEqual([403]));
    expect(far.hellos).toHaveLength(1);
  });

  test("reads a refusal whose answer stands in the message", async () => {
    far.refusal = new Error("{'error': 503, 'message': 'the node is full (9 peers)'}");
    const { told } = connect("bad");
    await vi.waitFor(() => expect(told).toEqual([503]));
  });

  test("comes back with its peer", async () => {
    const { link, told } = connect();
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    link.peer = "p1";
    far.sockets[0]?.conn.close();
    await vi.waitFor(() => expect(told).toEqual(["up", "down", "up"]), 5_000);
    expect(far.hellos.at(-1)).toEqual({ room: "room", token: "good", peer: "p1" });
  });

  test("fails a request whose link is lost on the way, and one without a link", async () => {
    const { link, told } = connect();
    await expect(link.request("join", {})).rejects.toMatchObject({ code: "unreachable" });
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    await expect(link.request("tracks", {})).rejects.toMatchObject({ code: "unreachable" });
  });

  test("tells what the node tells", async () => {
    const { link, told } = connect();
    const seats: unknown[] = [];
    link.on("seats", (changes) => seats.push(changes));
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    far.sockets[0]?.emit("seats", { "0": null });
    await vi.waitFor(() => expect(seats).toEqual([{ "0": null }]));
  });

  test("tells which layers of ours are taken, and the node's figures", async () => {
    const { link, told } = connect();
    await vi.waitFor(() => expect(told).toEqual(["up"]));
    const heard: unknown[] = [];
    link.on("layers", (taken) => heard.push(taken));
    link.on("stats", (stats) => heard.push(stats));
    far.sockets[0]?.emit("layers", { "p1:1": ["l", "m"] });
    far.sockets[0]?.emit("stats", { estimateKbps: 900 });
    await vi.waitFor(() => expect(heard).toEqual([{ "p1:1": ["l", "m"] }, { estimateKbps: 900 }]));
  });
});

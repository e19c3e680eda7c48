/** What stands in for signaling in tests of the client: a real Socket.IO server, told by a test what to answer. */

import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";

import { TertuliaError } from "../../client/errors";

export type Frame = Record<string, unknown>;
type Ack = (frame: Frame) => void;

/** The far end of the wire: a Socket.IO server that records frames and answers as a test tells it. */
export class FarEnd {
  readonly frames: Frame[] = [];
  readonly tokens: unknown[] = [];
  sockets: Socket[] = [];
  valid = "good";
  answer: (frame: Frame, socket: Socket, ack: Ack | undefined) => void = () => undefined;
  readonly #http: HttpServer = createServer();
  readonly #io = new Server(this.#http);

  async start(): Promise<string> {
    this.#io.use((socket, next) => {
      this.tokens.push(socket.handshake.auth.token);
      if (socket.handshake.auth.token === this.valid) return next();
      next(Object.assign(new Error("refused"), { data: { code: "unauthorized" } }));
    });
    this.#io.on("connection", (socket) => {
      this.sockets.push(socket);
      socket.on("message", (frame: Frame, ack?: Ack) => {
        this.frames.push(frame);
        this.answer(frame, socket, ack);
      });
    });
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await this.#io.close();
  }
}

/** The part of a session that signaling uses. */
export class Tokens {
  renewals = 0;
  isOver = false;
  constructor(public token: string) {}
  accessToken(): Promise<string> {
    return Promise.resolve(this.token);
  }
  renew(): Promise<void> {
    this.renewals++;
    if (this.isOver) return Promise.reject(new TertuliaError(401));
    this.token = "good";
    return Promise.resolve();
  }
}

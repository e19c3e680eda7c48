/**
 * How the page is built: `web/dist`, which signaling serves at `/`.
 *
 * `npm run dev` serves it with reloading instead and passes signaling's paths on to a server that runs beside it.
 */
import { defineConfig } from "vitest/config";

const signaling = process.env.TERTULIA_SIGNALING ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: "app",
  build: { outDir: "../dist", emptyOutDir: true, target: "es2022", sourcemap: true },
  server: { proxy: { "/sapi": signaling, "/socket.io": { target: signaling, ws: true } } },
  test: { root: ".", include: ["tests/**/*.test.ts"] },
});

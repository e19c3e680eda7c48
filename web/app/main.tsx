/**
 * The page starts here: one client, shown by one component.
 *
 * The client is also `window.tertulia`, for tests and for the curious at the console (docs/web.md).
 */

import { render } from "preact";

import { Tertulia } from "../client";
import { App } from "./app";
import "./style/base.css";
import "./style/page.css";
import "./style/call.css";
import "./style/small.css";

declare global {
  interface Window {
    tertulia: Tertulia;
  }
}

const client = new Tertulia();
window.tertulia = client;
client.restore();

const place = document.getElementById("app");
if (place !== null) render(<App client={client} />, place);

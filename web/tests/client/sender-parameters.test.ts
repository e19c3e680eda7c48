import { afterEach, describe, expect, test, vi } from "vitest";

import { cameraLayers } from "../../client/layers";
import { SenderParameters, type ParametersOwner } from "../../client/sender-parameters";

/** A sender as browsers have it: a number for each `getParameters`, one change at a time, done when a test says so. */
class Sender implements ParametersOwner {
  encodings = cameraLayers(1024);
  readonly changes: RTCRtpSendParameters[] = [];
  isNegotiating = false;
  refusals = 0;
  #number = 0;
  #done: (() => void) | null = null;

  getParameters(): RTCRtpSendParameters {
    const transactionId = String(++this.#number);
    return { encodings: this.encodings, transactionId, codecs: [], headerExtensions: [], rtcp: {} };
  }

  async setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    if (this.isNegotiating) {
      this.refusals++;
      throw new DOMException("negotiating", "InvalidStateError");
    }
    if (this.#done !== null || parameters.transactionId !== String(this.#number)) {
      throw new DOMException("another change is under way", "InvalidModificationError");
    }
    await new Promise<void>((resolve) => (this.#done = resolve));
    this.encodings = parameters.encodings;
    this.changes.push(parameters);
  }

  async finish(): Promise<void> {
    this.#done?.();
    this.#done = null;
    await settled();
  }

  get active(): (string | undefined)[] {
    return this.encodings.filter((one) => one.active !== false).map((one) => one.rid);
  }
}

/** Whatever can go on without anybody's doing has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

describe("a sender's parameters", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("follow the layers that are taken", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender);
    void parameters.take(["l", "m"]);
    await sender.finish();
    expect(sender.active).toEqual(["l", "m"]);
    void parameters.take(["l", "m", "h"]);
    await sender.finish();
    expect(sender.active).toEqual(["l", "m", "h"]);
  });

  test("are set one at a time, and only what is wanted last is set after that", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender);
    for (const taken of [["l"], ["l", "m"], ["l", "h"]]) void parameters.take(taken);
    await sender.finish();
    expect(sender.active).toEqual(["l"]);
    await sender.finish();
    expect(sender.active).toEqual(["l", "h"]);
    expect(sender.changes).toHaveLength(2);
  });

  test("are not set where nothing changes", async () => {
    const sender = new Sender();
    await new SenderParameters(sender).take(["l", "m", "h"]);
    expect(sender.changes).toEqual([]);
  });

  test("that a browser refuses while it negotiates are set after the answer", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender);
    sender.isNegotiating = true;
    await parameters.take(["l"]);
    sender.isNegotiating = false;
    void parameters.apply();
    await sender.finish();
    expect(sender.active).toEqual(["l"]);
  });

  test("that a browser refuses are set a second later, and not again when it refuses twice", async () => {
    vi.useFakeTimers();
    const sender = new Sender();
    sender.isNegotiating = true;
    const parameters = new SenderParameters(sender);
    await parameters.take(["l"]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sender.refusals).toBe(2);
    await parameters.take(["l", "m"]);
    sender.isNegotiating = false;
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
    await sender.finish();
    expect(sender.active).toEqual(["l", "m"]);
  });

  test("are set again when an answer has made all layers active", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender);
    void parameters.take(["l"]);
    await sender.finish();
    sender.encodings = cameraLayers(1024);
    void parameters.apply();
    await sender.finish();
    expect(sender.active).toEqual(["l"]);
  });

  test("begin with all layers when it is not known who takes what", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender);
    void parameters.take(["l"]);
    await sender.finish();
    void parameters.take(null);
    await sender.finish();
    expect(sender.active).toEqual(["l", "m", "h"]);
  });

  test("say once what is to be kept when there is too little of everything", async () => {
    const sender = new Sender();
    const parameters = new SenderParameters(sender, "maintain-resolution");
    void parameters.apply();
    await sender.finish();
    void parameters.take(["l"]);
    await sender.finish();
    expect(sender.changes.map((one) => one.degradationPreference)).toEqual(["maintain-resolution", undefined]);
  });
});

/**
 * What one sender is told to encode: one change of its parameters at a time.
 *
 * node link (`layers`) -> peer media -> **sender parameters** -> RTCRtpSender; layers.ts has the rule
 *
 * A browser takes parameters only with the number of the last `getParameters`, and not while another change is under way;
 * and an answer makes every layer active again that it names.  So what is wanted is kept here, and set anew after each.
 * What a browser refuses for another reason is set once more a second later.
 */

import { activated } from "./layers";

export type ParametersOwner = Pick<RTCRtpSender, "getParameters" | "setParameters">;

/** How long after a refusal it is tried again. */
const REFUSED_MS = 1_000;

export class SenderParameters {
  #taken: readonly string[] | null = null;
  #isSetting = false;
  #isDue = false;
  #mayRetry = false;

  /** `preference`: what the encoder keeps when there is too little of everything; the browser's choice without it. */
  constructor(
    private readonly sender: ParametersOwner,
    private preference: RTCDegradationPreference | null = null,
  ) {}

  /** The layers that somebody takes, from now on; null: all may be. */
  async take(taken: readonly string[] | null): Promise<void> {
    this.#taken = taken;
    await this.apply();
  }

  /** Sets what is wanted; what is asked for meanwhile is set next. */
  async apply(): Promise<void> {
    this.#mayRetry = true;
    await this.#setAll();
  }

  async #setAll(): Promise<void> {
    this.#isDue = true;
    if (this.#isSetting) return;
    this.#isSetting = true;
    while (this.#isNowDue()) await this.#set();
    this.#isSetting = false;
  }

  #isNowDue(): boolean {
    const isDue = this.#isDue;
    this.#isDue = false;
    return isDue;
  }

  async #set(): Promise<void> {
    try {
      const parameters = this.sender.getParameters();
      const encodings = activated(parameters.encodings, this.#taken);
      if (encodings === null && this.preference === null) return;
      const preference = this.preference === null ? {} : { degradationPreference: this.preference };
      await this.sender.setParameters({ ...parameters, encodings: encodings ?? parameters.encodings, ...preference });
      this.preference = null; // browsers that do not know it say nothing, so it is not looked for again
    } catch {
      this.#retryOnce();
    }
  }

  /** A sender that is being negotiated is set again after the answer, a closed one refuses twice: nothing else. */
  #retryOnce(): void {
    if (!this.#mayRetry) return;
    this.#mayRetry = false;
    setTimeout(() => void this.#setAll(), REFUSED_MS);
  }
}

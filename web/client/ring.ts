/**
 * The sounds of ringing, made by WebAudio: no files.
 *
 * Browsers let a page sound once its user has touched it; until then the context is suspended, and starts by itself at
 * the first touch.
 */

interface Pattern {
  /** Notes as [start in s, length in s, frequencies in Hz]. */
  readonly notes: readonly (readonly [number, number, readonly number[]])[];
  readonly periodS: number;
  readonly gain: number;
}

/** Heard by who is called: two rising broken chords. */
const RING: Pattern = {
  notes: [
    [0.0, 0.35, [659.3]],
    [0.18, 0.35, [830.6]],
    [0.36, 0.6, [987.8]],
    [0.9, 0.35, [659.3]],
    [1.08, 0.35, [830.6]],
    [1.26, 0.7, [1318.5]],
  ],
  periodS: 3,
  gain: 0.22,
};

/** Heard by who calls: the European ringing tone, 1 s of 425 Hz every 4 s (ITU-T E.180). */
const RINGBACK: Pattern = { notes: [[0, 1, [425]]], periodS: 4, gain: 0.06 };

export type Sound = "ring" | "ringback";

export class Ringer {
  #context: AudioContext | null = null;
  #sound: Sound | null = null;
  #timer: number | undefined;
  #playing: GainNode | null = null;

  /** Plays `sound` until told otherwise; null is silence. */
  play(sound: Sound | null): void {
    if (sound === this.#sound) return;
    this.#stop();
    this.#sound = sound;
    if (sound !== null) this.#start(sound === "ring" ? RING : RINGBACK);
  }

  #start(pattern: Pattern): void {
    this.#context ??= new AudioContext();
    const context = this.#context;
    void context.resume();
    document.addEventListener("pointerdown", () => void context.resume(), { once: true });
    const round = () => (this.#playing = schedule(context, pattern));
    round();
    this.#timer = window.setInterval(round, pattern.periodS * 1000);
  }

  #stop(): void {
    window.clearInterval(this.#timer);
    this.#playing?.disconnect();
    this.#playing = null;
  }
}

/** One round of the pattern; disconnecting what it returns silences it. */
function schedule(context: AudioContext, pattern: Pattern): GainNode {
  const out = context.createGain();
  out.gain.value = pattern.gain;
  out.connect(context.destination);
  for (const [startS, lengthS, frequencies] of pattern.notes) {
    for (const frequency of frequencies) note(context, out, frequency, context.currentTime + startS, lengthS);
  }
  return out;
}

function note(context: AudioContext, out: GainNode, frequency: number, at: number, lengthS: number): void {
  const envelope = context.createGain();
  envelope.gain.setValueAtTime(0, at);
  envelope.gain.linearRampToValueAtTime(1, at + 0.02);
  envelope.gain.setTargetAtTime(0, at + lengthS * 0.6, lengthS * 0.15);
  envelope.connect(out);
  const oscillator = context.createOscillator();
  oscillator.frequency.value = frequency;
  oscillator.connect(envelope);
  oscillator.start(at);
  oscillator.stop(at + lengthS + 0.2);
}

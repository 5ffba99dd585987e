import type { Loop } from "../../base/loop.ts";
import type { Bytes } from "../../sys.ts";

const WINDOW_MS = 1000;

/** Admits so many lines a second of one sender, and reports how many were dropped. */
export class RateLimit {
  readonly #loop: Loop;
  readonly #rate: number;
  readonly #sender: Bytes;
  readonly #warn: (text: string) => void;
  /** Start of the current second. */
  #windowAt = 0;
  /** Lines of it that were admitted. */
  #passed = 0;
  /** Lines that were dropped since the last report. */
  #dropped = 0;

  /** @param rate lines a second, 0 for any number @param warn called at most once a second with the number of dropped lines */
  constructor(loop: Loop, rate: number, sender: Bytes, warn: (text: string) => void) {
    this.#loop = loop;
    this.#rate = rate;
    this.#sender = sender;
    this.#warn = warn;
  }

  /** Whether one more line is within the limit. */
  admit(): boolean {
    if (this.#rate === 0) return true;
    const now = this.#loop.now();
    if (now - this.#windowAt >= WINDOW_MS) {
      this.tell();
      this.#windowAt = now;
      this.#passed = 0;
    }
    if (this.#passed < this.#rate) {
      this.#passed++;
      return true;
    }
    if (this.#dropped++ === 0) this.#loop.after(WINDOW_MS, () => this.tell());
    return false;
  }

  /** Reports the lines that were dropped until now. */
  tell(): void {
    if (this.#dropped === 0) return;
    this.#warn(
      `${this.#sender}: ${this.#dropped} lines were dropped, more than ${this.#rate} came in a second (LOG_RATE)`,
    );
    this.#dropped = 0;
  }
}

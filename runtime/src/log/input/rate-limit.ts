import type { Loop } from "../../base/loop.ts";
import type { Bytes } from "../../sys.ts";

const WINDOW_MS = 1000;

/** Lets so many lines a second of one sender through, and tells how many more there were. */
export class RateLimit {
  readonly #loop: Loop;
  readonly #rate: number;
  readonly #sender: Bytes;
  readonly #warn: (text: string) => void;
  /** When the second began, and the lines of it that were let through and dropped. */
  #windowAt = 0;
  #passed = 0;
  #dropped = 0;

  /** @param rate lines a second, 0 for any number @param warn hears once a second at most how many were dropped */
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

  /** Tells what was dropped until now. */
  tell(): void {
    if (this.#dropped === 0) return;
    this.#warn(
      `${this.#sender}: ${this.#dropped} lines were dropped, more than ${this.#rate} came in a second (LOG_RATE)`,
    );
    this.#dropped = 0;
  }
}

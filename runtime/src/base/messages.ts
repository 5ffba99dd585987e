import { type Bytes, Errno, type Sys } from "../sys.ts";
import type { Loop } from "./loop.ts";
import { OwnStream } from "./own-stream.ts";

/** So many lines may come at once, and so many a second after that; the rest is counted. */
const BURST_LINES = 2000;
const LINES_PER_SECOND = 100;
/** What was dropped is told so often at most. */
const NOTICE_EVERY_MS = 1000;

/**
 * What the init itself says, on stderr, each line with the prefix `*** ` that phusion's images have. It never waits for a
 * reader: what a full pipe does not take is dropped and counted.
 */
export class Messages {
  readonly #loop: Loop;
  readonly #stderr: OwnStream;
  readonly #quiet: boolean;
  #credit = BURST_LINES;
  #creditAt = 0;
  #lost = 0;
  #noticeAt = 0;
  readonly #subjects = new Set<Bytes>();

  constructor(sys: Sys, loop: Loop, quiet: boolean) {
    this.#loop = loop;
    this.#quiet = quiet;
    this.#stderr = new OwnStream(sys, 2);
  }

  /** For the course of things; silent with `--quiet`. */
  info(text: Bytes): void {
    if (!this.#quiet) this.#say(text);
  }

  /** For what an operator has to know. */
  warn(text: Bytes): void {
    this.#say(text);
  }

  /** Warns the first time that there is something to say about this subject. */
  warnOnce(subject: Bytes, text: Bytes): void {
    if (!this.#subjects.has(subject)) this.warn(text);
    this.#subjects.add(subject);
  }

  #say(text: Bytes): void {
    const now = this.#loop.now();
    this.#credit = Math.min(BURST_LINES, this.#credit + ((now - this.#creditAt) * LINES_PER_SECOND) / 1000);
    this.#creditAt = now;
    if (this.#credit < 1) {
      this.#lost++;
      return;
    }
    this.#credit--;
    const notice =
      this.#lost > 0 && now >= this.#noticeAt
        ? `*** (${this.#lost} lines of the init were dropped: too many, or nobody read them)\n`
        : "";
    const written = this.#stderr.write(`${notice}*** ${printable(text)}\n`);
    if (written === -Errno.EAGAIN) this.#lost++;
    if (written <= 0 || notice === "") return;
    this.#lost = 0;
    this.#noticeAt = now + NOTICE_EVERY_MS;
  }
}

/** Line ends and control characters of a file's name must not forge a line of the log. */
export function printable(text: Bytes): Bytes {
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    result += code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : text[i];
  }
  return result;
}

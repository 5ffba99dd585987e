import { type Bytes, Errno, Mode, Open, type Sys } from "../sys.ts";
import type { Loop } from "./loop.ts";

/** So many lines may come at once, and so many a second after that; the rest is counted. */
const BURST_LINES = 2000;
const LINES_PER_SECOND = 100;
/** What was dropped is told so often at most. */
const NOTICE_EVERY_MS = 1000;
const TYPE_FIFO = 0o010000;
const TYPE_CHARACTER = 0o020000;
/** Not to become the terminal's session leader by opening it. @see open(2) O_NOCTTY */
const NO_CONTROLLING_TTY = 0o400;

/**
 * What the init itself says, on stderr, each line with the prefix `*** ` that phusion's images have. It never waits for a
 * reader: what a full pipe does not take is dropped and counted.
 */
export class Messages {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #quiet: boolean;
  #credit = BURST_LINES;
  #creditAt = 0;
  #lost = 0;
  #noticeAt = 0;

  constructor(sys: Sys, loop: Loop, quiet: boolean) {
    this.#sys = sys;
    this.#loop = loop;
    this.#quiet = quiet;
    this.#fd = ownDescription(sys);
  }

  /** For the course of things; silent with `--quiet`. */
  info(text: Bytes): void {
    if (!this.#quiet) this.#say(text);
  }

  /** For what an operator has to know. */
  warn(text: Bytes): void {
    this.#say(text);
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
    const written = this.#sys.write(this.#fd, `${notice}*** ${printable(text)}\n`);
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

/**
 * Standard output (1) or error (2) opened anew, so that it can be non-blocking for us alone: the open file that services share must
 * stay as it is. Other kinds than pipes and terminals do not block for long and are used as they are.
 */
export function ownDescription(sys: Sys, standard: 1 | 2 = 2): number {
  const path = `/proc/self/fd/${standard}`;
  const stat = sys.stat(path);
  const type = typeof stat === "number" ? 0 : stat.mode & Mode.TypeMask;
  if (type !== TYPE_FIFO && type !== TYPE_CHARACTER) return standard;
  const fd = sys.open(path, Open.Write | Open.Append | Open.NonBlock | NO_CONTROLLING_TTY, 0);
  return fd < 0 ? standard : fd;
}

import type { Loop } from "../../base/loop.ts";
import { ownDescription, printable } from "../../base/messages.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";

/** A line of this length is written as a whole: pipes take so much at once or nothing. @see PIPE_BUF in pipe(7) */
const MAX_LINE_BYTES = 4096;
/** With so much waiting, jobs' output stays in their pipes. */
const FULL_BYTES = 32_768;
/** Beyond this, lines of cron's own are dropped and counted. Jobs' lines are not: their pipes are left alone by then. */
const MAX_WAITING_BYTES = 262_144;
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1000;

/** The container's log: whole lines on standard output. It never waits for a reader; what the reader is slow to take waits here, within bounds. */
export class Output {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #drained: () => void;
  #waiting = "";
  #wasFull = false;
  #lost = 0;
  #retryMs = 0;

  /** @param drained called when {@link full} turns false again */
  constructor(sys: Sys, loop: Loop, drained: () => void) {
    this.#sys = sys;
    this.#loop = loop;
    this.#drained = drained;
    this.#fd = ownDescription(sys, 1);
  }

  /** Time to leave output where it comes from. */
  get full(): boolean {
    return this.#waiting.length >= FULL_BYTES;
  }

  /** A message of cron's own, about a job perhaps. */
  say(text: Bytes, from: Bytes = "cron"): void {
    if (this.#waiting.length < MAX_WAITING_BYTES) this.line(from, text);
    else this.#lost++;
  }

  /** One line of a job; a longer one is split, each part but the last with a `\` at its end. */
  line(from: Bytes, text: Bytes): void {
    const prefix = `${from}: `;
    let rest = text.split("\t").map(printable).join("\t");
    for (const room = MAX_LINE_BYTES - prefix.length - 2; rest.length > room; rest = rest.slice(room))
      this.#write(`${prefix}${rest.slice(0, room)}\\\n`);
    this.#write(`${prefix}${rest}\n`);
  }

  #write(line: Bytes): void {
    this.#waiting += line;
    this.#wasFull ||= this.full;
    if (this.#retryMs === 0) this.#flush();
  }

  #flush(): void {
    this.#pass();
    if (this.#waiting === "" && this.#lost > 0) {
      const notice = `cron: ${this.#lost} lines were dropped: nobody read them\n`;
      if (this.#sys.write(this.#fd, notice) > 0) this.#lost = 0;
    }
    if (!this.#wasFull || this.full) return;
    this.#wasFull = false;
    this.#drained();
  }

  /** Writes what the reader takes; for the rest it tries again later. */
  #pass(): void {
    let moved = false;
    while (this.#waiting !== "") {
      const part = this.#waiting.slice(0, wholeLines(this.#waiting));
      const written = this.#sys.write(this.#fd, part);
      if (written === -Errno.EAGAIN || written === 0) {
        // A reader that takes something will soon take more.
        this.#retryMs = moved ? FIRST_RETRY_MS : Math.min(Math.max(FIRST_RETRY_MS, this.#retryMs * 2), LAST_RETRY_MS);
        this.#loop.after(this.#retryMs, () => this.#flush());
        return;
      }
      moved = true;
      // A log that is gone, or a full disk: the line is lost, cron goes on.
      if (written < 0) this.#lost++;
      this.#waiting = this.#waiting.slice(written < 0 ? part.length : written);
    }
    this.#retryMs = 0;
  }
}

/** Length of as many whole lines as a pipe takes at once. */
function wholeLines(text: Bytes): number {
  const end = text.lastIndexOf("\n", MAX_LINE_BYTES - 1) + 1;
  return text.length <= MAX_LINE_BYTES ? text.length : end > 0 ? end : MAX_LINE_BYTES;
}

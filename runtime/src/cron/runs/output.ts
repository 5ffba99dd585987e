import type { Loop } from "../../base/loop.ts";
import { printable } from "../../base/messages.ts";
import { OwnStream } from "../../base/own-stream.ts";
import { type Bytes, Errno, Mode, type Sys } from "../../sys.ts";

/** A line of this length is written as a whole: pipes take so much at once or nothing. @see PIPE_BUF in pipe(7) */
const MAX_LINE_BYTES = 4096;
/** With so much waiting, jobs' output stays in their pipes. */
const FULL_BYTES = 32_768;
/** Beyond this, lines of cron's own are dropped and counted. Jobs' lines are not: their pipes are left alone by then. */
const MAX_WAITING_BYTES = 262_144;
const TYPE_FIFO = 0o010000;
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1000;

/** Writes jobs' output and results to standard output, and cron's own messages to standard error. */
export class Output {
  readonly #jobs: LineStream;
  readonly #own: LineStream;
  readonly #ownPrefix: Bytes;

  /** @param drained called when {@link full} turns false again */
  constructor(sys: Sys, loop: Loop, drained: () => void) {
    this.#jobs = new LineStream(sys, loop, 1, drained);
    this.#own = new LineStream(sys, loop, 2, () => undefined);
    // Where the log daemon has the output of the service, it puts the service's name before each line.
    this.#ownPrefix = isCaptured(sys) ? "" : "cron: ";
  }

  /** Whether jobs' output should stay in its pipes for now. */
  get full(): boolean {
    return this.#jobs.full;
  }

  /** A message of cron itself. */
  say(text: Bytes): void {
    this.#own.say(this.#ownPrefix, text);
  }

  /** A message about a job. */
  sayOf(job: Bytes, text: Bytes): void {
    this.#jobs.say(`cron[${job}]: `, text);
  }

  /** One line that a job wrote. */
  line(job: Bytes, text: Bytes): void {
    this.#jobs.line(`cron[${job}]: `, text);
  }
}

/** Whole lines on a descriptor. It never waits for a reader: lines that the reader is slow to take wait here, within bounds. */
class LineStream {
  readonly #loop: Loop;
  readonly #stream: OwnStream;
  readonly #drained: () => void;
  #waiting = "";
  #wasFull = false;
  #lost = 0;
  #retryMs = 0;

  constructor(sys: Sys, loop: Loop, standard: 1 | 2, drained: () => void) {
    this.#loop = loop;
    this.#drained = drained;
    this.#stream = new OwnStream(sys, standard);
  }

  get full(): boolean {
    return this.#waiting.length >= FULL_BYTES;
  }

  /** Writes a line, unless too much waits. */
  say(prefix: Bytes, text: Bytes): void {
    if (this.#waiting.length < MAX_WAITING_BYTES) this.line(prefix, text);
    else this.#lost++;
  }

  /** Writes a line; a longer one is split, each part but the last with a `\` at its end. */
  line(prefix: Bytes, text: Bytes): void {
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
      if (this.#stream.write(notice) > 0) this.#lost = 0;
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
      const written = this.#stream.write(part);
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

/** Whether the log daemon has this service's output: both streams are one pipe, in the directory of a service of cron's name. */
function isCaptured(sys: Sys): boolean {
  const [out, error] = [1, 2].map((fd) => sys.stat(`/proc/self/fd/${fd}`));
  if (typeof out !== "object" || typeof error !== "object") return false;
  const isPipe = (out.mode & Mode.TypeMask) === TYPE_FIFO && out.ino === error.ino;
  const directory = sys.readlink("/proc/self/cwd");
  return isPipe && typeof directory === "string" && directory.endsWith("/cron");
}

/** Length of as many whole lines as a pipe takes at once. */
function wholeLines(text: Bytes): number {
  const end = text.lastIndexOf("\n", MAX_LINE_BYTES - 1) + 1;
  return text.length <= MAX_LINE_BYTES ? text.length : end > 0 ? end : MAX_LINE_BYTES;
}

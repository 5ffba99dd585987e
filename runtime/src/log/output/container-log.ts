import type { Loop } from "../../base/loop.ts";
import type { Timer } from "../../base/timers.ts";
import { Errno, Mode, Open, Poll, type Sys } from "../../sys.ts";
import { type Arena, Word } from "../memory/arena.ts";
import { writeSpans } from "../memory/spans.ts";

/** What a pipe takes whole or not at all, and never amid another's line. @see pipe(7) PIPE_BUF */
export const ATOMIC_BYTES = 4096;
/** A reader that takes nothing for this long gets what comes later only; nobody waits for it any more. */
const STALL_MS = 500;
/** What an engine may be behind: the kernel takes memory for it only as it is. */
const PIPE_BYTES = 1 << 20;
const NEWLINE = 10;
const TYPE_FIFO = 0o010000;
const TYPE_CHARACTER = 0o020000;
const NO_CONTROLLING_TTY = 0o400;

/**
 * The container's log: our standard output. Lines are written whole. A reader that is slow slows us (and with us the
 * senders), one that stands still does not: what it does not take is dropped, counted and told.
 */
export class ContainerLog {
  readonly #arena: Arena;
  readonly #loop: Loop;
  readonly #warn: (text: string) => void;
  readonly #fd: number;
  /** Bytes of the group at the list's start that are written. */
  #skip = 0;
  #stalled = false;
  #broken = false;
  #lost = 0;
  #timer: Timer | null = null;

  constructor(arena: Arena, loop: Loop, warn: (text: string) => void) {
    this.#arena = arena;
    this.#loop = loop;
    this.#warn = warn;
    this.#fd = ownDescription(arena.sys);
  }

  /**
   * Writes the list that the arena's state names. `true` when all of it is written or given up; else `resume` is called
   * once it is worth another try.
   */
  flush(resume: () => void): boolean {
    const { state } = this.#arena;
    const end = state[Word.ContainerEnd] as number;
    for (let from = state[Word.ContainerFrom] as number; from < end; from = state[Word.ContainerFrom] as number) {
      const [next, total] = this.#group(from, end);
      const [done, errno] = writeSpans(this.#arena, this.#fd, from, next, this.#skip, total);
      if (errno === 0) {
        state[Word.ContainerFrom] = next;
        this.#skip = 0;
        this.#works();
      } else if (errno === Errno.EAGAIN && !this.#stalled) {
        this.#wait(done > this.#skip, resume);
        this.#skip = done;
        return false;
      } else {
        this.#drop(errno, from, end);
      }
    }
    this.#stopWaiting();
    return true;
  }

  /** End of the lines that fit into one atomic write, at least one line, and their bytes. */
  #group(from: number, end: number): [number, number] {
    const { words, bytes } = this.#arena;
    const endsLine = (at: number) => bytes[(words[at - 2] as number) + (words[at - 1] as number) - 1] === NEWLINE;
    let total = 0;
    let at = from;
    // What is done for each span here decides how much a service can say.
    for (; at < end && total <= ATOMIC_BYTES; at += 2) total += words[at + 1] as number;
    if (total <= ATOMIC_BYTES) return [at, total];
    do {
      at -= 2;
      total -= words[at + 1] as number;
    } while (at > from && !endsLine(at));
    if (at > from) return [at, total];
    do {
      total += words[at + 1] as number;
      at += 2;
    } while (at < end && !endsLine(at));
    return [at, total];
  }

  #wait(progress: boolean, resume: () => void): void {
    if (this.#timer === null) this.#loop.watch(this.#fd, resume, Poll.Out);
    else if (!progress) return;
    else this.#loop.cancel(this.#timer);
    this.#timer = this.#loop.after(STALL_MS, () => {
      this.#stalled = true;
      resume();
    });
  }

  #stopWaiting(): void {
    if (this.#timer === null) return;
    this.#loop.cancel(this.#timer);
    this.#loop.unwatch(this.#fd);
    this.#timer = null;
  }

  #drop(errno: number, from: number, end: number): void {
    const { words, bytes, state } = this.#arena;
    for (let at = from; at < end; at += 2) {
      if (bytes[(words[at] as number) + (words[at + 1] as number) - 1] === NEWLINE) this.#lost++;
    }
    state[Word.ContainerFrom] = end;
    this.#skip = 0;
    if (this.#broken || errno === Errno.EAGAIN) return;
    this.#broken = true;
    this.#warn(
      `cannot write the container's log (stdout): ${this.#arena.sys.strerror(errno)}; its lines are in /var/log only`,
    );
  }

  #works(): void {
    this.#stalled = false;
    this.#broken = false;
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#warn(`${lost} lines are missing in the container's log: nobody read it, or it could not be written`);
  }
}

/** Standard output opened anew, to be non-blocking for us alone: services share the open file that we were given. */
function ownDescription(sys: Sys): number {
  const path = "/proc/self/fd/1";
  const stat = sys.stat(path);
  const type = typeof stat === "number" ? 0 : stat.mode & Mode.TypeMask;
  if (type !== TYPE_FIFO && type !== TYPE_CHARACTER) return 1;
  const fd = sys.open(path, Open.Write | Open.Append | Open.NonBlock | NO_CONTROLLING_TTY, 0);
  // Whether that is granted or not: it saves senders from waiting for a reader that is behind for a moment.
  if (type === TYPE_FIFO) sys.pipeSize(fd, PIPE_BYTES);
  return fd < 0 ? 1 : fd;
}

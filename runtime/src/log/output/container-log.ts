import type { Loop } from "../../base/loop.ts";
import { OwnStream } from "../../base/own-stream.ts";
import type { Timer } from "../../base/timers.ts";
import { Errno, Poll } from "../../sys.ts";
import { type Arena, Word } from "../memory/arena.ts";
import { writeSpans } from "../memory/spans.ts";

/** Longest write that a pipe never splits. @see PIPE_BUF in pipe(7) */
export const ATOMIC_BYTES = 4096;
/** If stdout accepts nothing for this long, pending lines are dropped. */
const STALL_MS = 500;
/** Size of the pipe's buffer. The kernel allocates its memory as it fills. */
const PIPE_BYTES = 1 << 20;
const NEWLINE = 10;

/**
 * The container's log: standard output. Lines are written whole. A slow reader slows the daemon, and with it the senders. A reader that
 * has stopped does not: lines that it does not accept are dropped and counted, and a warning reports them.
 */
export class ContainerLog {
  readonly #arena: Arena;
  readonly #loop: Loop;
  readonly #warn: (text: string) => void;
  readonly #stdout: OwnStream;
  /** Bytes of the list's first group that are written already. */
  #skip = 0;
  #stalled = false;
  #broken = false;
  #lost = 0;
  #timer: Timer | null = null;

  constructor(arena: Arena, loop: Loop, warn: (text: string) => void) {
    this.#arena = arena;
    this.#loop = loop;
    this.#warn = warn;
    this.#stdout = new OwnStream(arena.sys, 1);
    // Senders then do not wait for a reader that is late for a moment. Where the kernel refuses, they do.
    if (this.#stdout.isPipe) arena.sys.pipeSize(this.#stdout.fd, PIPE_BYTES);
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
      const [done, errno] = this.#stdout.ready
        ? writeSpans(this.#arena, this.#stdout.fd, { from, end: next, bytes: total }, this.#skip)
        : [this.#skip, Errno.EAGAIN];
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

  /** Returns the end of the lines that fit into one atomic write, at least one line, and their bytes. */
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
    if (this.#timer === null) this.#loop.watch(this.#stdout.fd, resume, Poll.Out);
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
    this.#loop.unwatch(this.#stdout.fd);
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

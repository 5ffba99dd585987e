import { Signal, watchedDirectory } from "../../../lib/linux/signals.ts";
import { type Bytes, Poll, type Sys } from "../sys.ts";
import { required } from "./refusal.ts";
import { type Timer, Timers } from "./timers.ts";

/** Most `[fd, events]` pairs taken from the kernel in one turn; what is left is level-triggered and comes next turn. */
const PAIRS_PER_TURN = 64;

/** One epoll instance, one signalfd and a heap of timers. {@link tick} is what `main.c` calls for ever. */
export class Loop {
  readonly #sys: Sys;
  readonly #epoll: number;
  readonly #signals: number;
  readonly #handlers = new Map<number, () => void>();
  readonly #directories = new Set<number>();
  readonly #timers = new Timers();
  readonly #pairs = new Int32Array(2 * PAIRS_PER_TURN);
  readonly #onError: (error: unknown) => void;

  /**
   * @param onSignal called once for each signal that arrives
   * @param onError gets what a handler threw; the loop goes on
   * @throws when the kernel gives no epoll instance or no descriptor for signals
   */
  constructor(sys: Sys, onSignal: (signal: number) => void, onError: (error: unknown) => void) {
    this.#sys = sys;
    this.#onError = onError;
    this.#epoll = required(sys, "wait for events", "epoll_create1", sys.epollCreate());
    this.#signals = required(sys, "receive signals", "signalfd4", sys.signalfd());
    const watched = this.watch(this.#signals, () => {
      const signal = sys.readSignal(this.#signals);
      if (watchedDirectory(signal) >= 0) this.#handlers.get(watchedDirectory(signal))?.();
      else if (signal === Signal.IO) for (const fd of this.#directories) this.#handlers.get(fd)?.();
      else if (signal > 0) onSignal(signal);
    });
    required(sys, "receive signals", "epoll_ctl", watched);
  }

  /** Calls `handler` in every turn in which `fd` can be read, or written (or has hung up). `-errno` when the kernel refuses. */
  watch(fd: number, handler: () => void, events: Poll = Poll.In): number {
    const result = this.#sys.epollAdd(this.#epoll, fd, events);
    if (result >= 0) this.#handlers.set(fd, handler);
    return result;
  }

  /** Forgets `fd`; call it before `close`. */
  unwatch(fd: number): void {
    if (this.#handlers.delete(fd)) this.#sys.epollRemove(this.#epoll, fd);
  }

  /**
   * Calls `changed` when entries of a directory come, go or change, several times perhaps.
   * @returns a descriptor for {@link unwatchDirectory}, or `-errno`
   */
  watchDirectory(path: Bytes, changed: () => void): number {
    const fd = this.#sys.watchDirectory(path);
    if (fd >= 0) {
      this.#handlers.set(fd, changed);
      this.#directories.add(fd);
    }
    return fd;
  }

  unwatchDirectory(fd: number): void {
    if (this.#directories.delete(fd)) {
      this.#handlers.delete(fd);
      this.#sys.close(fd);
    }
  }

  /** Leaves signals in the kernel for `delayMs`; the other events come as ever. */
  deferSignals(delayMs: number): void {
    this.#sys.epollRemove(this.#epoll, this.#signals);
    this.after(delayMs, () => this.#sys.epollAdd(this.#epoll, this.#signals, Poll.In));
  }

  /** Milliseconds of the monotonic clock. */
  now(): number {
    return this.#sys.now();
  }

  /** Calls `run` once, `delayMs` from now (in the next turn at the earliest). */
  after(delayMs: number, run: () => void): Timer {
    return this.#timers.add(this.now() + delayMs, run);
  }

  cancel(timer: Timer): void {
    this.#timers.cancel(timer);
  }

  /** Waits for events and calls their handlers, then those timers that were due when it looked at the clock. @throws when it cannot wait */
  tick(): void {
    const next = this.#timers.next();
    const timeoutMs = next === null ? -1 : Math.max(0, Math.ceil(next - this.now()));
    const waited = this.#sys.epollWait(this.#epoll, this.#pairs, timeoutMs);
    const count = required(this.#sys, "wait for events", "epoll_pwait", waited);
    for (let i = 0; i < count; i++) {
      const handler = this.#handlers.get(this.#pairs[2 * i] as number);
      if (handler !== undefined) this.#guard(handler);
    }
    if (this.#timers.next() === null) return;
    const now = this.now();
    for (let timer = this.#timers.takeDue(now); timer !== null; timer = this.#timers.takeDue(now)) {
      this.#guard(timer.run);
    }
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onError(error);
    }
  }
}

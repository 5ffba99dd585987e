import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";
import { Errno, type Sys } from "../sys.ts";

/** Far enough that nothing is missed, and not so far that it does not fit: about 30 years. */
const IDLE_MS = 1e12;
/** Without such timers the clock is looked at so often. */
const LONGEST_SLEEP_MS = 60_000;
const TIMER_BYTES = 8;

/** Wakes up at a time of the wall clock, and at once when somebody sets it. */
export class Alarm {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #woken: (nowMs: number, jumpMs: number) => void;
  #wallMs: number;
  #steadyMs: number;
  #instead: Timer | null = null;

  /** @param woken told the time (since the Epoch) and by how much the clock was set since it was told last; milliseconds */
  constructor(sys: Sys, loop: Loop, woken: (nowMs: number, jumpMs: number) => void) {
    this.#sys = sys;
    this.#loop = loop;
    this.#woken = woken;
    this.#wallMs = sys.time();
    this.#steadyMs = sys.now();
    this.#fd = sys.timerfd();
    if (this.#fd >= 0) loop.watch(this.#fd, () => this.#read());
  }

  /** @param atMs since the Epoch; `null` is at no time */
  set(atMs: number | null): void {
    const at = Math.max(1, atMs ?? this.#sys.time() + IDLE_MS);
    if (this.#instead !== null) this.#loop.cancel(this.#instead);
    this.#instead = null;
    const result = this.#sys.timerfdSet(this.#fd, at, true);
    // Kernels that imitate Linux may not know how to tell of a change.
    if (result >= 0 || (result !== -Errno.ECANCELED && this.#sys.timerfdSet(this.#fd, at, false) >= 0)) return;
    // It is set, but this was the only notice that the clock was set just before.
    const delayMs = result === -Errno.ECANCELED ? 0 : Math.min(at - this.#sys.time(), LONGEST_SLEEP_MS);
    this.#instead = this.#loop.after(delayMs, () => this.wake());
  }

  /** Tells the time now. */
  wake(): void {
    const wallMs = this.#sys.time();
    const steadyMs = this.#sys.now();
    const jumpMs = wallMs - this.#wallMs - (steadyMs - this.#steadyMs);
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
    this.#woken(wallMs, jumpMs);
  }

  #read(): void {
    this.#sys.read(this.#fd, TIMER_BYTES);
    this.wake();
  }
}

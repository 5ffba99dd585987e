/** A pending call; {@link Timers.cancel} takes it. */
export interface Timer {
  readonly at: number;
  readonly run: () => void;
  /** Position in the heap, -1 once fired or cancelled. */
  index: number;
}

/** A binary heap of calls by due time: 1,000 services that back off cost a logarithm each. Times are milliseconds. */
export class Timers {
  readonly #heap: Timer[] = [];

  add(at: number, run: () => void): Timer {
    const timer: Timer = { at, run, index: this.#heap.length };
    this.#heap.push(timer);
    this.#rise(timer);
    return timer;
  }

  /** Does nothing when the timer has fired or was cancelled before. */
  cancel(timer: Timer): void {
    if (timer.index < 0) return;
    const last = this.#heap.pop() as Timer;
    if (last !== timer) {
      this.#place(last, timer.index);
      this.#rise(last);
      this.#sink(last);
    }
    timer.index = -1;
  }

  /** When the next timer is due, or `null` without one. */
  next(): number | null {
    return this.#heap[0]?.at ?? null;
  }

  /** Takes one timer that is due at `now`, or `null`. */
  takeDue(now: number): Timer | null {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return null;
    this.cancel(first);
    return first;
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #rise(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.#heap[(timer.index - 1) >> 1] as Timer;
      if (parent.at <= timer.at) return;
      const index = parent.index;
      this.#place(parent, timer.index);
      this.#place(timer, index);
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      const left = this.#heap[2 * timer.index + 1];
      const right = this.#heap[2 * timer.index + 2];
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= timer.at) return;
      const index = child.index;
      this.#place(child, timer.index);
      this.#place(timer, index);
    }
  }
}

import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";

/** The stages of a shutdown that can wait for something, in their order. */
export const STAGES = ["main", "pre", "services", "post", "all"] as const;
export type Stage = (typeof STAGES)[number];

/** Share of the whole budget that no earlier stage may use up, for each stage that has something to do. */
const RESERVE: { readonly [S in Stage]: number } = { main: 0, pre: 0.15, services: 0.25, post: 0.1, all: 0.1 };

/** When `stage` has to be over, on the clock of `startedAt`: the whole budget less what the present later stages keep. */
export function stageEnd(stage: Stage, present: ReadonlySet<Stage>, startedAt: number, budgetMs: number): number {
  let share = 1;
  for (const later of STAGES.slice(STAGES.indexOf(stage) + 1)) if (present.has(later)) share -= RESERVE[later];
  return startedAt + budgetMs * share;
}

interface Wait {
  readonly endAt: () => number;
  readonly expire: () => void;
  timer: Timer;
}

/** The time that a shutdown has, which an impatient operator can cut while stages wait. Times are of the loop's clock. */
export class Budget {
  readonly #loop: Loop;
  readonly #waits = new Set<Wait>();
  startedAt: number;
  ms: number;

  constructor(loop: Loop, startedAt: number, ms: number) {
    this.#loop = loop;
    this.startedAt = startedAt;
    this.ms = ms;
  }

  get end(): number {
    return this.startedAt + this.ms;
  }

  /** Leaves `ms` from now, unless less is left anyway; waits that are under way end earlier accordingly. */
  cut(ms: number): void {
    if (this.#loop.now() + ms >= this.end) return;
    this.startedAt = this.#loop.now();
    this.ms = ms;
    for (const wait of this.#waits) {
      this.#loop.cancel(wait.timer);
      wait.timer = this.#arm(wait);
    }
  }

  /** Waits for `done`, at most until what `endAt` says now and after each cut; `true` when `done` came first. */
  async within(done: Promise<unknown>, endAt: () => number): Promise<boolean> {
    let expire = () => {};
    const expired = new Promise<false>((resolve) => {
      expire = () => resolve(false);
    });
    const wait = { endAt, expire } as Wait;
    wait.timer = this.#arm(wait);
    this.#waits.add(wait);
    const inTime = await Promise.race([done.then(() => true), expired]);
    this.#waits.delete(wait);
    this.#loop.cancel(wait.timer);
    return inTime;
  }

  #arm(wait: Wait): Timer {
    return this.#loop.after(wait.endAt() - this.#loop.now(), wait.expire);
  }
}

import type { Loop } from "../kernel/loop.ts";
import type { Timer } from "../kernel/timers.ts";

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
  readonly capAt: number;
  timer: Timer;
  readonly expire: () => void;
}

/** A time by which everything has to be over, which an impatient operator can bring closer while stages wait. */
export class Deadline {
  readonly #loop: Loop;
  #at: number;
  readonly #waits = new Set<Wait>();

  constructor(loop: Loop, at: number) {
    this.#loop = loop;
    this.#at = at;
  }

  /** Brings the end closer, for the waits that are under way too; never moves it away. */
  shorten(at: number): void {
    if (at >= this.#at) return;
    this.#at = at;
    for (const wait of this.#waits) {
      this.#loop.cancel(wait.timer);
      wait.timer = this.#arm(wait);
    }
  }

  /** Waits for `done`, at most until `capAt` and until the deadline; `true` when `done` came first. */
  async within(done: Promise<unknown>, capAt: number): Promise<boolean> {
    let expire = () => {};
    const expired = new Promise<false>((resolve) => {
      expire = () => resolve(false);
    });
    const wait = { capAt, expire } as Wait;
    wait.timer = this.#arm(wait);
    this.#waits.add(wait);
    const inTime = await Promise.race([done.then(() => true), expired]);
    this.#waits.delete(wait);
    this.#loop.cancel(wait.timer);
    return inTime;
  }

  #arm(wait: Wait): Timer {
    return this.#loop.after(Math.min(wait.capAt, this.#at) - this.#loop.now(), wait.expire);
  }
}

import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";

/** The stages of a shutdown that can wait for something, in their order. */
export const STAGES = ["main", "pre", "services", "post", "all"] as const;
export type Stage = (typeof STAGES)[number];

/** Times of a stop in milliseconds as somebody has set them; `null` where nobody has. */
export interface StopTimes {
  /** `SHIPSHAPE_SHUTDOWN_TIMEOUT`: all stages together. */
  readonly shutdownMs: number | null;
  /** `KILL_PROCESS_TIMEOUT`: the main command, each hook and startup file, the services together. */
  readonly killProcessMs: number | null;
  /** `KILL_ALL_PROCESSES_TIMEOUT`: everything else. */
  readonly killAllMs: number | null;
  /** All stages together where nobody has set a time: what fits into the engine's patience. */
  readonly defaultMs: number;
}

/** How many processes, one after another, each stage ends; a stage that is not there has none. */
export type Counts = { readonly [S in Stage]?: number };

/** How the time of a stop is divided. */
export interface Plan {
  readonly totalMs: number;
  /** Share of the whole, from 0 to 1, that no earlier stage may use up. */
  readonly reserve: { readonly [S in Stage]: number };
}

/** Longest time of one stage where nobody has set it. */
const STAGE_MS = 30_000;

/** Share of the whole that a stage keeps while nobody has set its time. */
const RESERVE: { readonly [S in Stage]: number } = { main: 0, pre: 0.15, services: 0.25, post: 0.1, all: 0.1 };

/**
 * Divides the time of a stop. A time that somebody has set for processes is theirs: the whole grows until it has room for all of them,
 * also beyond what engines wait by default. Only a set time for the whole bounds them too.
 */
export function planStop({ shutdownMs, killProcessMs, killAllMs, defaultMs }: StopTimes, counts: Counts): Plan {
  const share = (stage: Stage) => ((counts[stage] ?? 0) > 0 ? RESERVE[stage] : 0);
  if (shutdownMs !== null) return { totalMs: shutdownMs, reserve: forEachStage(share) };
  const neededMs = (stage: Stage) => {
    const ms = stage === "all" ? killAllMs : killProcessMs;
    return ms === null ? share(stage) * defaultMs : ms * (counts[stage] ?? 0);
  };
  const beforeAllMs =
    killProcessMs === null
      ? (1 - share("all")) * defaultMs
      : STAGES.reduce((sum, stage) => (stage === "all" ? sum : sum + neededMs(stage)), 0);
  const totalMs = Math.max(defaultMs, beforeAllMs + neededMs("all"));
  return { totalMs, reserve: forEachStage((stage) => neededMs(stage) / totalMs) };
}

function forEachStage(value: (stage: Stage) => number): Plan["reserve"] {
  return Object.fromEntries(STAGES.map((stage) => [stage, value(stage)])) as Plan["reserve"];
}

/** Returns the longest time that one process of a stage may take: 0 kills at once. */
export function longest(stage: Stage, times: StopTimes): number {
  return (stage === "all" ? times.killAllMs : times.killProcessMs) ?? STAGE_MS;
}

/**
 * Returns when `stage` has to be over, on the clock of `startedAt`: the whole time less what later stages keep.
 * @param later share, from 0 to 1, of the stage's own reserve that its later processes keep
 */
export function stageEnd(stage: Stage, plan: Plan, startedAt: number, budgetMs: number, later = 0): number {
  let share = 1 - later * plan.reserve[stage];
  for (const next of STAGES.slice(STAGES.indexOf(stage) + 1)) share -= plan.reserve[next];
  return startedAt + budgetMs * Math.max(0, share);
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

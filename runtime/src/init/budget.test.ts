import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Loop } from "../base/loop.ts";
import { type Timer, Timers } from "../base/timers.ts";
import { Budget, type Counts, longest, planStop, STAGES, type StopTimes, stageEnd } from "./budget.ts";

const NOTHING_SET: StopTimes = { shutdownMs: null, killProcessMs: null, killAllMs: null, defaultMs: 9_000 };
const EVERYTHING: Counts = { main: 1, pre: 1, services: 1, post: 1, all: 1 };

/** When each present stage ends if it and all before it take as long as they may. */
function ends(times: StopTimes, counts: Counts): number[] {
  const plan = planStop(times, counts);
  let now = 0;
  return STAGES.filter((stage) => (counts[stage] ?? 0) > 0).map((stage) => {
    const processes = counts[stage] ?? 0;
    for (let at = 0; at < processes; at++) {
      const end = stageEnd(stage, plan, 0, plan.totalMs, (processes - 1 - at) / processes);
      now = Math.max(now, Math.min(now + longest(stage, times), end));
    }
    return now;
  });
}

test("stageEnd() gives a stage all the time that no later stage is there to need", () => {
  assert.equal(stageEnd("main", planStop(NOTHING_SET, { main: 1 }), 5, 1000), 1005);
  assert.equal(stageEnd("all", planStop(NOTHING_SET, EVERYTHING), 0, 1000), 1000);
});

const time = fc.option(fc.integer({ min: 0, max: 3_600_000 }));
const somePlan = fc.record({
  times: fc.record({
    shutdownMs: time,
    killProcessMs: time,
    killAllMs: time,
    defaultMs: fc.constantFrom(9_000, 28_000),
  }),
  counts: fc.record({
    main: fc.nat(1),
    pre: fc.nat(4),
    services: fc.nat(1),
    post: fc.nat(4),
    all: fc.nat(1),
  }),
});

test("planStop() leaves every process that is to be ended a time of its own, whatever the others take", () => {
  fc.assert(
    fc.property(somePlan, ({ times, counts }) => {
      const own = ends({ ...times, killProcessMs: null, killAllMs: null }, counts);
      const total = planStop({ ...times, killProcessMs: null, killAllMs: null }, counts).totalMs;
      for (const [at, end] of own.entries()) assert.ok(total === 0 || end > (own[at - 1] ?? 0), own.join());
      assert.ok((own.at(-1) ?? 0) <= total + 1e-6);
    }),
  );
});

test("planStop() gives each process the time that somebody has set for it, unless a time for the whole is set", () => {
  fc.assert(
    fc.property(somePlan, ({ times, counts }) => {
      const free = { ...times, shutdownMs: null };
      const before = (counts.main + counts.pre + counts.services + counts.post) * (times.killProcessMs ?? 0);
      const { totalMs } = planStop(free, counts);
      assert.ok(totalMs >= times.defaultMs);
      const at = ends(free, counts);
      const last = counts.all > 0 ? (at.pop() ?? 0) : null;
      if (times.killProcessMs !== null)
        assert.ok(Math.abs((at.at(-1) ?? 0) - before) < 1, `${at} instead of ${before}`);
      if (times.killAllMs !== null && last !== null) assert.ok(last - (at.at(-1) ?? 0) >= times.killAllMs - 1);
    }),
  );
});

test("planStop() keeps what is set within the default where it fits", () => {
  const counts = { main: 1, services: 1, all: 1 };
  assert.equal(planStop({ ...NOTHING_SET, killProcessMs: 4_000 }, counts).totalMs, 9_000);
  assert.equal(planStop({ ...NOTHING_SET, killProcessMs: 300_000, killAllMs: 300_000 }, counts).totalMs, 900_000);
  assert.equal(planStop({ ...NOTHING_SET, killProcessMs: 300_000, shutdownMs: 5_000 }, counts).totalMs, 5_000);
});

/** A loop whose clock the test sets. */
class Clock {
  time = 0;
  readonly #timers = new Timers();
  now(): number {
    return this.time;
  }
  after(delayMs: number, run: () => void): Timer {
    return this.#timers.add(this.time + delayMs, run);
  }
  cancel(timer: Timer): void {
    this.#timers.cancel(timer);
  }
  advance(to: number): void {
    this.time = to;
    for (let timer = this.#timers.takeDue(to); timer !== null; timer = this.#timers.takeDue(to)) timer.run();
  }
}

function budgetOf(ms: number): { clock: Clock; budget: Budget } {
  const clock = new Clock();
  return { clock, budget: new Budget(clock as unknown as Loop, 0, ms) };
}

test("Budget.within() is true when the work ends first", async () => {
  const { budget } = budgetOf(100);
  assert.equal(await budget.within(Promise.resolve(), () => 50), true);
});

test("Budget.within() is false when the end has come", async () => {
  const { clock, budget } = budgetOf(100);
  const waiting = budget.within(new Promise(() => {}), () => 50);
  clock.advance(50);
  assert.equal(await waiting, false);
});

test("Budget.cut() ends a wait that is under way, and never lengthens one", async () => {
  const { clock, budget } = budgetOf(1000);
  const waiting = budget.within(new Promise(() => {}), () => budget.end);
  clock.advance(10);
  budget.cut(20);
  budget.cut(500);
  assert.equal(budget.end, 30);
  clock.advance(30);
  assert.equal(await waiting, false);
});

test("Budget.cut() leaves later stages their share of what is left", async () => {
  const { clock, budget } = budgetOf(9000);
  const all = planStop(NOTHING_SET, EVERYTHING);
  const waiting = budget.within(new Promise(() => {}), () => stageEnd("services", all, budget.startedAt, budget.ms));
  budget.cut(1000);
  assert.equal(stageEnd("services", all, budget.startedAt, budget.ms), 800);
  clock.advance(800);
  assert.equal(await waiting, false);
});

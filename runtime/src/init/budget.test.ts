import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop } from "../base/loop.ts";
import { type Timer, Timers } from "../base/timers.ts";
import { Budget, STAGES, type Stage, stageEnd } from "./budget.ts";

test("stageEnd() gives a stage all the time that no later stage is there to need", () => {
  assert.equal(stageEnd("main", new Set(["main"]), 5, 1000), 1005);
  assert.equal(stageEnd("all", new Set(STAGES), 0, 1000), 1000);
});

test("stageEnd() leaves every stage that is present a time of its own, whatever the others take", () => {
  for (let bits = 0; bits < 2 ** STAGES.length; bits++) {
    const present = new Set<Stage>(STAGES.filter((_, i) => (bits & (1 << i)) !== 0));
    const ends = STAGES.filter((stage) => present.has(stage)).map((stage) => stageEnd(stage, present, 0, 9000));
    assert.deepEqual(
      ends,
      [...new Set(ends)].sort((a, b) => a - b),
      [...present].join(),
    );
    if (ends.length > 0) assert.ok(Math.min(...ends) > 0 && Math.abs(Math.max(...ends) - 9000) < 1e-6);
  }
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
  const all = new Set(STAGES);
  const waiting = budget.within(new Promise(() => {}), () => stageEnd("services", all, budget.startedAt, budget.ms));
  budget.cut(1000);
  assert.equal(stageEnd("services", all, budget.startedAt, budget.ms), 800);
  clock.advance(800);
  assert.equal(await waiting, false);
});

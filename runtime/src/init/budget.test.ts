import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop } from "../kernel/loop.ts";
import { type Timer, Timers } from "../kernel/timers.ts";
import { Deadline, STAGES, type Stage, stageEnd } from "./budget.ts";

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

function deadlineAt(at: number): { clock: Clock; deadline: Deadline } {
  const clock = new Clock();
  return { clock, deadline: new Deadline(clock as unknown as Loop, at) };
}

test("Deadline.within() is true when the work ends first", async () => {
  const { deadline } = deadlineAt(100);
  assert.equal(await deadline.within(Promise.resolve(), 50), true);
});

test("Deadline.within() is false at the cap, or at the deadline if that is earlier", async () => {
  for (const [at, cap] of [
    [100, 50],
    [50, 100],
  ] as const) {
    const { clock, deadline } = deadlineAt(at);
    const waiting = deadline.within(new Promise(() => {}), cap);
    clock.advance(50);
    assert.equal(await waiting, false);
  }
});

test("Deadline.shorten() ends a wait that is under way, and never lengthens one", async () => {
  const { clock, deadline } = deadlineAt(1000);
  const waiting = deadline.within(new Promise(() => {}), 1000);
  deadline.shorten(20);
  deadline.shorten(500);
  clock.advance(20);
  assert.equal(await waiting, false);
});

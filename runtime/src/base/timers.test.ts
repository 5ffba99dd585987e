import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Timer, Timers } from "./timers.ts";

test("Timers.takeDue() gives every timer that was not cancelled, in order of its time", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean())), (plan) => {
      const timers = new Timers();
      const added: [Timer, boolean][] = plan.map(([at, cancelled]) => [timers.add(at, () => {}), cancelled]);
      for (const [timer, cancelled] of added) if (cancelled) timers.cancel(timer);
      const taken: number[] = [];
      for (let timer = timers.takeDue(50); timer !== null; timer = timers.takeDue(50)) taken.push(timer.at);
      const expected = plan.filter(([, cancelled]) => !cancelled).map(([at]) => at);
      assert.deepEqual(
        taken,
        expected.sort((a, b) => a - b),
      );
      assert.equal(timers.next(), null);
    }),
  );
});

test("Timers.takeDue() leaves a timer that is not due", () => {
  const timers = new Timers();
  timers.add(10, () => {});
  assert.equal(timers.takeDue(9.9), null);
  assert.equal(timers.next(), 10);
});

test("Timers.cancel() does nothing the second time", () => {
  const timers = new Timers();
  const timer = timers.add(1, () => {});
  timers.add(2, () => {});
  timers.cancel(timer);
  timers.cancel(timer);
  assert.equal(timers.next(), 2);
});

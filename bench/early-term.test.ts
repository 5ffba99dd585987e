import assert from "node:assert/strict";
import { test } from "node:test";
import { earlyGoal, firstAlways } from "./early-term.ts";

test("firstAlways() gives the first moment after which nothing fails", () => {
  const from = (...clean: number[]) => firstAlways([100, 200, 300], (moment) => clean.includes(moment));
  assert.equal(from(100, 200, 300), 100);
  assert.equal(from(100, 300), 300);
  assert.equal(from(100, 200), null);
  assert.equal(from(), null);
});

test("earlyGoal() judges by the floor's moment, wherever that is", () => {
  for (const floor of [100, 500, 2000]) {
    assert.equal(earlyGoal(2 * floor, floor).met, true, `floor ${floor}`);
    assert.equal(earlyGoal(2 * floor + 100, floor).met, false, `floor ${floor}`);
  }
  assert.equal(earlyGoal(300, 200).floor, "1.50 ×");
});

test("earlyGoal() is not met when one of the two was never clean", () => {
  assert.deepEqual(
    [earlyGoal(null, 100), earlyGoal(100, null)].map(({ met, measured }) => [met, measured]),
    [
      [false, "not always (floor: from 100 µs on)"],
      [false, "from 100 µs on (floor: not always)"],
    ],
  );
});

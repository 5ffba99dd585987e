import assert from "node:assert/strict";
import { test } from "node:test";
import { noisePercent, spread } from "./statistics.ts";

test("spread() takes the middle whatever the order when the count is odd", () => {
  assert.deepEqual(spread([9, 1, 5]), { median: 5, lower: 3, upper: 7, least: 1, most: 9, count: 3 });
});

test("spread() interpolates when the count is even", () => assert.equal(spread([4, 1, 2, 3]).median, 2.5));

test("spread() does not move when one measurement is wild", () =>
  assert.equal(spread([10, 11, 12, 9, 5000]).median, 11));

test("spread() refuses when there is no measurement", () => assert.throws(() => spread([]), RangeError));

test("noisePercent() is the middle half's width in percent of the median", () => {
  assert.equal(noisePercent(spread([8, 9, 10, 11, 12])), 20);
  assert.equal(noisePercent(spread([0, 0, 0])), 0);
});

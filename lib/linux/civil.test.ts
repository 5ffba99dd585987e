import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { civilDay, dayNumber, formatTime, weekdayOf } from "./civil.ts";

test("dayNumber(), civilDay() and weekdayOf() agree with Date on every day of some hundred years around 1970 and 2000", () => {
  for (let day = -80_000; day < 90_000; day++) {
    const date = new Date(day * 86_400_000);
    const civil = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, date: date.getUTCDate() };
    assert.deepEqual(civilDay(day), civil);
    assert.equal(dayNumber(civil), day);
    assert.equal(weekdayOf(day), date.getUTCDay());
  }
});

test("formatTime() formats local time as strftime(3) does", () => {
  const seconds = Date.parse("2026-03-09T23:04:05Z") / 1000;
  assert.equal(formatTime("%b %e %H:%M:%S", seconds, 3600), "Mar 10 00:04:05");
  assert.equal(formatTime("%b %e %H:%M:%S", seconds, 0), "Mar  9 23:04:05");
  assert.equal(formatTime("%Y-%m-%dT%H:%M:%S%z", seconds, -12_600), "2026-03-09T19:34:05-0330");
  assert.equal(formatTime("%z 100%% %", seconds, 20_700), "+0545 100%% %");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 35 }), (at) => {
      const iso = new Date(at * 1000).toISOString();
      assert.equal(formatTime("%Y-%m-%dT%H:%M:%S.000Z", at, 0), iso);
    }),
  );
});

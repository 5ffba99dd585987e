import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseFields, parseNickname, parseSchedule, type Schedule } from "./schedule.ts";

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

const ALL: Schedule = {
  minutes: range(0, 59),
  hours: range(0, 23),
  days: range(1, 31),
  months: range(1, 12),
  weekdays: range(0, 6),
  bothDays: true,
  wildcard: true,
};

const GOOD: readonly (readonly [text: string, schedule: Partial<Schedule>])[] = [
  ["* * * * *", {}],
  ["0 0 * * *", { minutes: [0], hours: [0], wildcard: false }],
  ["*/15 * * * *", { minutes: [0, 15, 30, 45] }],
  ["*/7 3 * * *", { minutes: range(0, 56, 7), hours: [3] }],
  ["5 */6 * * *", { minutes: [5], hours: [0, 6, 12, 18] }],
  ["0-59 0-23 1-31 1-12 0-7", { bothDays: false, wildcard: false }],
  [
    "10-20/5,58 3 1 1 1",
    { minutes: [10, 15, 20, 58], hours: [3], days: [1], months: [1], weekdays: [1], bothDays: false, wildcard: false },
  ],
  ["1,1,2,2-3 * * * *", { minutes: [1, 2, 3] }],
  ["0 0 */2 * mon", { minutes: [0], hours: [0], days: range(1, 31, 2), weekdays: [1], wildcard: false }],
  ["0 0 1 * */2", { minutes: [0], hours: [0], days: [1], weekdays: [0, 2, 4, 6], wildcard: false }],
  ["0 0 1 * 5-7", { minutes: [0], hours: [0], days: [1], weekdays: [0, 5, 6], wildcard: false, bothDays: false }],
  [
    "0 0 * JAN-mar,Dec Tue-Thu",
    { minutes: [0], hours: [0], months: [1, 2, 3, 12], weekdays: [2, 3, 4], wildcard: false },
  ],
  ["0 0 * * 7", { minutes: [0], hours: [0], weekdays: [0], wildcard: false }],
  ["0 0 * * sun,0,7", { minutes: [0], hours: [0], weekdays: [0], wildcard: false }],
  [
    "00 007 01 012 00",
    { minutes: [0], hours: [7], days: [1], months: [12], weekdays: [0], wildcard: false, bothDays: false },
  ],
  ["*,5 5 *,1 * 1", { hours: [5], weekdays: [1] }],
  ["5,* 5 1,* * 1", { hours: [5], weekdays: [1], wildcard: false, bothDays: false }],
  [
    "  1   2  3  4  5 ",
    { minutes: [1], hours: [2], days: [3], months: [4], weekdays: [5], wildcard: false, bothDays: false },
  ],
  [
    "0-0/99 1/1 1 1 1".replace("1/1", "1-1/1"),
    { minutes: [0], hours: [1], days: [1], months: [1], weekdays: [1], wildcard: false, bothDays: false },
  ],
];

test("parseSchedule() reads every form of every field", () => {
  for (const [text, expected] of GOOD) assert.deepEqual(parseSchedule(text), { ...ALL, ...expected }, text);
});

const BAD: readonly (readonly [text: string, column: number, reason: RegExp])[] = [
  ["", 2, /the minute is missing/],
  ["1", 3, /the hour is missing/],
  ["* * * *", 9, /the day of the week is missing/],
  ["60 * * * *", 1, /the minute is 0 to 59, not "60"/],
  ["* 24 * * *", 3, /the hour is 0 to 23, not "24"/],
  ["* * 0 * *", 5, /the day of the month is 1 to 31, not "0"/],
  ["* * 32 * *", 5, /the day of the month is 1 to 31, not "32"/],
  ["* * * 13 *", 7, /the month is 1 to 12 or jan to dec, not "13"/],
  ["* * * 0 *", 7, /the month/],
  ["* * * foo *", 7, /not "foo"/],
  ["* * * * 8", 9, /the day of the week is 0 to 7 or sun to sat, not "8"/],
  ["* * * * monday", 9, /not "monday"/],
  ["1,2,60 * * * *", 5, /not "60"/],
  ["1,,2 * * * *", 3, /not ""/],
  [", * * * *", 1, /not ""/],
  ["*/0 * * * *", 1, /the step of the minute is a number from 1, not "0"/],
  ["*/x * * * *", 1, /not "x"/],
  ["*/ * * * *", 1, /not ""/],
  ["*/5/5 * * * *", 1, /more than one step/],
  ["5/10 * * * *", 1, /a step needs a range: "5-59\/10" or "\*\/10", not "5\/10"/],
  ["5-1 * * * *", 1, /runs backwards/],
  ["0 0 * * fri-sun", 9, /runs backwards/],
  ["1-2-3 * * * *", 1, /is no range/],
  ["-1 * * * *", 1, /not ""/],
  ["1- * * * *", 1, /not ""/],
  ["** * * * *", 1, /not "\*\*"/],
  ["*-5 * * * *", 1, /not "\*"/],
  ["+1 * * * *", 1, /not "\+1"/],
  ["1.5 * * * *", 1, /not "1.5"/],
  ["? * * * *", 1, /not "\?"/],
  ["0 0 L * *", 5, /not "L"/],
  ["0 0 * * 5#2", 9, /not "5#2"/],
  ["* * * * * *", 11, /one field too many/],
];

test("parseSchedule() tells what is wrong and where", () => {
  for (const [text, column, reason] of BAD) {
    const flaw = parseSchedule(text);
    assert.ok("reason" in flaw, text);
    assert.match(flaw.reason, reason, text);
    assert.equal(flaw.column, column, text);
  }
});

test("parseNickname() knows the names whatever their letters' case", () => {
  const same: Record<string, string> = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@Daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
  };
  for (const [name, fields] of Object.entries(same))
    assert.deepEqual(parseNickname({ text: name, column: 1 }), parseSchedule(fields), name);
  assert.deepEqual(parseNickname({ text: "@noon", column: 4 }), {
    column: 4,
    reason:
      'there is no time "@noon"; the names are @yearly @annually @monthly @weekly @daily @midnight @hourly @reboot',
  });
});

/** A list as people write it, and its values. */
const list = (least: number, most: number) =>
  fc
    .array(
      fc
        .tuple(
          fc.integer({ min: least, max: most }),
          fc.integer({ min: least, max: most }),
          fc.integer({ min: 1, max: 70 }),
        )
        .chain(([a, b, step]) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          return fc.constantFrom(
            { text: `${a}`, values: [a] },
            { text: `${from}-${to}`, values: range(from, to) },
            { text: `${from}-${to}/${step}`, values: range(from, to, step) },
            { text: `*/${step}`, values: range(least, most, step) },
            { text: "*", values: range(least, most) },
          );
        }),
      { minLength: 1, maxLength: 4 },
    )
    .map((items) => ({
      text: items.map((item) => item.text).join(","),
      values: [...new Set(items.flatMap((item) => item.values))].sort((a, b) => a - b),
    }));

test("parseFields() gives back the values that a list was written from", () => {
  const fields = fc.tuple(list(0, 59), list(0, 23), list(1, 31), list(1, 12), list(0, 6));
  fc.assert(
    fc.property(fields, (written) => {
      const schedule = parseFields(
        written.map(({ text }, index) => ({ text, column: index })),
        0,
      );
      assert.ok(!("reason" in schedule));
      const { minutes, hours, days, months, weekdays } = schedule;
      assert.deepEqual(
        [minutes, hours, days, months],
        written.slice(0, 4).map(({ values }) => values),
      );
      assert.deepEqual(weekdays, written[4].values);
    }),
  );
});

test("parseSchedule() answers for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789*/-, jansun@\t\0é".split("")) }), (text) => {
      const parsed = parseSchedule(text);
      if ("reason" in parsed) assert.ok(parsed.reason !== "" && parsed.column >= 1 && parsed.column <= text.length + 2);
      else assert.ok(parsed.minutes.length > 0 && parsed.weekdays.every((day) => day >= 0 && day <= 6));
    }),
  );
});

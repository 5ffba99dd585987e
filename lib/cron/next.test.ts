import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseZoneRule } from "../linux/zone-rule.ts";
import { formatMinute, matches, neverComes } from "./calendar.ts";
import { LONGEST_JUMP, nextRun, SHORT_DELAY, type Zone } from "./next.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

const UTC: Zone = () => 0;

/** What the zones' rules are in 2026. */
const RULES: Readonly<Record<string, string>> = {
  "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3",
  "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
  "Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
  "Asia/Kolkata": "IST-5:30",
};

function zoneNamed(name: string): Zone {
  const zone = parseZoneRule(RULES[name] ?? "");
  if (zone === null) throw new Error(`there is no rule for ${name}`);
  return (minute) => zone(minute * 60) / 60;
}

/** Minutes since the Epoch of a time like `2026-03-29 01:00`, in UTC. */
function minuteOf(utc: string): number {
  return Date.parse(`${utc}Z`) / 60_000;
}

/** A zone that has the first offset until its first change. @param changes times in UTC and offsets in minutes */
function changing(first: number, changes: readonly (readonly [at: string, offset: number])[]): Zone {
  const known = changes.map(([at, offset]) => [minuteOf(at), offset] as const);
  return (minute) => known.reduce((offset, [at, next]) => (minute >= at ? next : offset), first);
}

function schedule(text: string): Schedule {
  const parsed = parseSchedule(text);
  if ("reason" in parsed) throw new Error(`${text}: ${parsed.reason}`);
  return parsed;
}

/** Minutes since the Epoch in [from, to) at which a job runs. */
function runs(text: string, from: number, to: number, zone: Zone): number[] {
  const found: number[] = [];
  for (let at = nextRun(schedule(text), from - 1, zone); at !== null && at < to; at = nextRun(schedule(text), at, zone))
    found.push(at);
  return found;
}

/** The same by asking every minute, as cron(8) describes it. */
function runsByMinutes({ from, to, zone, job }: { from: number; to: number; zone: Zone; job: Schedule }): number[] {
  const found: number[] = [];
  const start = from - 2 * LONGEST_JUMP;
  let reached = start - 1 + zone(start - 1);
  for (let minute = start; minute < to; minute++) {
    const wall = minute + zone(minute);
    const leap = wall - reached;
    let due = matches(job, wall) && (job.wildcard || leap > 0 || leap < -LONGEST_JUMP);
    if (leap > 1 && leap <= (job.wildcard ? SHORT_DELAY : LONGEST_JUMP))
      for (let missed = reached + 1; missed < wall; missed++) due ||= matches(job, missed);
    if (due && minute >= from) found.push(minute);
    if (leap > 0 || leap < -LONGEST_JUMP) reached = wall;
  }
  return found;
}

const PLAIN: readonly (readonly [expression: string, after: string, next: string])[] = [
  ["* * * * *", "2026-01-01 00:00", "2026-01-01 00:01"],
  ["*/5 * * * *", "2026-01-01 00:58", "2026-01-01 01:00"],
  ["17 * * * *", "2026-12-31 23:17", "2027-01-01 00:17"],
  ["25 6 * * *", "2026-02-28 06:25", "2026-03-01 06:25"],
  ["47 6 * * 7", "2026-11-21 00:00", "2026-11-22 06:47"],
  ["52 6 1 * *", "2026-11-21 00:00", "2026-12-01 06:52"],
  ["0 0 29 2 *", "2026-11-21 00:00", "2028-02-29 00:00"],
  ["0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00"],
  ["0 0 29 2 */7", "2026-11-21 00:00", "2032-02-29 00:00"],
  ["0 0 29 2 */7", "2088-02-29 00:00", "2128-02-29 00:00"],
  ["0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00"],
  ["0 0 13 * 5", "2026-11-14 00:00", "2026-11-20 00:00"],
  ["0 0 13 * 5", "2026-12-11 00:00", "2026-12-13 00:00"],
  ["0 0 */100 * 5", "2026-11-21 00:00", "2027-01-01 00:00"],
  ["30 4 1,15 * *", "2026-11-01 04:30", "2026-11-15 04:30"],
  ["0 12 1 jan *", "2026-01-01 12:00", "2027-01-01 12:00"],
  ["59 23 31 12 *", "2026-12-31 23:58", "2026-12-31 23:59"],
  ["0 0 * * sun", "1969-12-30 00:00", "1970-01-04 00:00"],
];

test("nextRun() gives the first matching minute after the one given", () => {
  for (const [expression, after, next] of PLAIN)
    assert.equal(formatMinute(nextRun(schedule(expression), minuteOf(after), UTC) ?? NaN), next, expression);
});

test("nextRun() gives null when no day matches", () => {
  for (const expression of ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30,31 2 */1"])
    assert.equal(nextRun(schedule(expression), 0, UTC), null, expression);
});

test("neverComes() is true for exactly the days that the calendar does not have", () => {
  for (let month = 1; month <= 12; month++)
    for (const days of ["1", "28", "29", "30", "31", "30,31", "29-31", "*/31"])
      for (const months of [`${month}`, `${month},2`])
        for (const weekdays of ["*", "*/7", "1"]) {
          const parsed = schedule(`0 0 ${days} ${months} ${weekdays}`);
          assert.equal(neverComes(parsed), nextRun(parsed, 0, UTC) === null, `${days} ${months} ${weekdays}`);
        }
});

/** Zone, expression, and the runs (UTC) in the 6 hours from a time. */
const DST: readonly (readonly [zone: string, expression: string, from: string, runs: readonly string[]])[] = [
  // Forward: 02:00 becomes 03:00 at 01:00 UTC. Fixed times of the missing hour run at once, each job once.
  ["Europe/Berlin", "30 2 * * *", "2026-03-28 22:00", ["01:00"]],
  ["Europe/Berlin", "0,30 2 * * *", "2026-03-28 22:00", ["01:00"]],
  ["Europe/Berlin", "0 3 * * *", "2026-03-28 22:00", ["01:00"]],
  ["Europe/Berlin", "59 1 * * *", "2026-03-28 22:00", ["00:59"]],
  ["Europe/Berlin", "1 3 * * *", "2026-03-28 22:00", ["01:01"]],
  // Jobs that follow the wall clock lose the hour that is not there.
  ["Europe/Berlin", "*/30 2 * * *", "2026-03-28 22:00", []],
  ["Europe/Berlin", "30 * * * *", "2026-03-28 22:00", ["22:30", "23:30", "00:30", "01:30", "02:30", "03:30"]],
  ["Europe/Berlin", "0 */2 * * *", "2026-03-28 22:00", ["23:00", "02:00"]],
  // Back: 03:00 becomes 02:00 at 01:00 UTC. Fixed times run the first time only.
  ["Europe/Berlin", "30 2 * * *", "2026-10-24 22:00", ["00:30"]],
  ["Europe/Berlin", "0 2 * * *", "2026-10-24 22:00", ["00:00"]],
  ["Europe/Berlin", "0 3 * * *", "2026-10-24 22:00", ["02:00"]],
  ["Europe/Berlin", "*/30 2 * * *", "2026-10-24 22:00", ["00:00", "00:30", "01:00", "01:30"]],
  ["Europe/Berlin", "30 * * * *", "2026-10-24 22:00", ["22:30", "23:30", "00:30", "01:30", "02:30", "03:30"]],
  ["America/New_York", "30 2 * * *", "2026-03-08 05:00", ["07:00"]],
  ["America/New_York", "15 2,4 * * *", "2026-03-08 05:00", ["07:00", "08:15"]],
  ["America/New_York", "30 1 * * *", "2026-11-01 04:00", ["05:30"]],
  ["America/New_York", "*/20 1 * * *", "2026-11-01 04:00", ["05:00", "05:20", "05:40", "06:00", "06:20", "06:40"]],
  ["America/New_York", "45 1 1 11 *", "2026-11-01 04:00", ["05:45"]],
  // Half an hour: forward 02:00 to 02:30 at 15:30 UTC, back 02:00 to 01:30 at 15:00 UTC.
  ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00", ["15:30"]],
  ["Australia/Lord_Howe", "30 2 * * *", "2026-10-03 12:00", ["15:30"]],
  ["Australia/Lord_Howe", "*/15 2 * * *", "2026-10-03 12:00", ["15:30", "15:45"]],
  ["Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00", ["14:45"]],
  ["Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04 12:00", ["14:00", "14:15", "14:30", "14:45", "15:00", "15:15"]],
];

test("nextRun() runs fixed times once and wildcards by the wall clock when daylight saving begins or ends", () => {
  for (const [zone, expression, from, expected] of DST) {
    const start = minuteOf(from);
    const found = runs(expression, start, start + 360, zoneNamed(zone)).map((minute) => formatMinute(minute).slice(11));
    assert.deepEqual(found, expected, `${expression} in ${zone} from ${from}`);
  }
});

test("nextRun() does not repeat a fixed time when it is asked in the middle of the repeated hour", () => {
  const zone = zoneNamed("Europe/Berlin");
  for (let minute = minuteOf("2026-10-25 01:00"); minute < minuteOf("2026-10-25 02:00"); minute++)
    assert.equal(
      formatMinute(nextRun(schedule("30 2 * * *"), minute, zone) ?? NaN),
      "2026-10-26 01:30",
      formatMinute(minute),
    );
});

/** A zone that jumps at the given minutes, up to 5 hours either way. */
const jumpy = fc
  .array(fc.tuple(fc.integer({ min: 1000, max: 9000 }), fc.integer({ min: -300, max: 300 })), { maxLength: 2 })
  .map((jumps): Zone => {
    const sorted = jumps.sort((a, b) => a[0] - b[0]);
    // Offsets that come back within a week are no zone's.
    const spread = sorted.map(([at, by], index) => [at + index * 20_000, by] as const);
    return (minute) => spread.reduce((sum, [at, by]) => (minute >= at ? sum + by : sum), 0);
  });

const item = (least: number, most: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min: 1, max: most }).map((step) => `*/${step}`),
    fc.integer({ min: least, max: most }).map(String),
    fc
      .tuple(
        fc.integer({ min: least, max: most }),
        fc.integer({ min: least, max: most }),
        fc.integer({ min: 1, max: 9 }),
      )
      .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
  );
const expression = fc
  .tuple(item(0, 59), item(0, 23), item(1, 31), item(1, 12), item(0, 7))
  .map((fields) => fields.join(" "));
const days = fc.tuple(item(0, 59), item(0, 23)).map((fields) => `${fields.join(" ")} * * *`);

test("nextRun() agrees with asking every minute, for any zone and expression", () => {
  fc.assert(
    fc.property(jumpy, days, fc.integer({ min: 0, max: 10_000 }), (zone, text, from) => {
      const to = from + 3000;
      assert.deepEqual(runs(text, from, to, zone), runsByMinutes({ from, to, zone, job: schedule(text) }));
    }),
    { numRuns: 150 },
  );
});

test("nextRun() agrees with asking every minute around real changes of real zones", () => {
  // Casablanca's winter is Ramadan.
  const casablanca = changing(60, [
    ["2026-02-15 02:00", 0],
    ["2026-03-22 02:00", 60],
  ]);
  const changes: readonly (readonly [name: string, change: string, zone?: Zone])[] = [
    ["Europe/Berlin", "2026-03-29 01:00"],
    ["America/New_York", "2026-11-01 06:00"],
    ["Australia/Lord_Howe", "2026-04-04 15:00"],
    ["Australia/Lord_Howe", "2026-10-03 15:30"],
    ["Africa/Casablanca", "2026-02-15 02:00", casablanca],
    ["Africa/Casablanca", "2026-03-22 02:00", casablanca],
    // A day that never was, in Samoa.
    ["Pacific/Apia", "2011-12-30 10:00", changing(-600, [["2011-12-30 10:00", 840]])],
    ["Asia/Kolkata", "2026-06-01 00:00"],
  ];
  for (const [name, change, zone = zoneNamed(name)] of changes) {
    const from = minuteOf(change) - 720;
    const to = from + 1440;
    fc.assert(
      fc.property(expression, (text) => {
        assert.deepEqual(runs(text, from, to, zone), runsByMinutes({ from, to, zone, job: schedule(text) }), name);
      }),
      { numRuns: 15 },
    );
  }
});

test("nextRun() gives a time that comes just after a repeated hour, also when the one after it is a week away", () => {
  const from = minuteOf("2026-11-01 07:00");
  assert.deepEqual(runs("0-1 2 */1 * 0", from, from + 60, zoneNamed("America/New_York")), [from, from + 1]);
  // And one in the repeated hour itself, of a job that follows the wall clock.
  assert.deepEqual(runs("*/30 1 */6 * *", from - 60, from, zoneNamed("America/New_York")), [from - 60, from - 30]);
});

test("nextRun() ends for any rule, however far apart its offsets are", () => {
  const offset = fc.integer({ min: -24, max: 24 });
  const day = fc.integer({ min: 0, max: 365 });
  fc.assert(
    fc.property(offset, offset, day, day, expression, (standard, daylight, start, end, text) => {
      const zone = parseZoneRule(`AAA${standard}:59BBB${daylight}:59,${start},${end}/167`);
      assert.ok(zone !== null);
      const next = nextRun(schedule(text), 29_000_000, (minute) => zone(minute * 60) / 60);
      assert.ok(next === null || next > 29_000_000);
    }),
  );
});

test("nextRun() asks for few offsets, also where the next run is decades away", () => {
  const zone = zoneNamed("Europe/Berlin");
  let asked = 0;
  const counting: Zone = (minute) => {
    asked++;
    return zone(minute);
  };
  for (const text of ["0 0 29 2 */7", "30 2 29 2 *", "0 0 1 1 *", "30 2 * 3 *", "* * * * *"])
    nextRun(schedule(text), minuteOf("2026-12-01 00:00"), counting);
  assert.ok(asked < 100, `${asked} questions`);
});

test("nextRun() gives a minute that matches, and none before it does, in a zone that never jumps", () => {
  fc.assert(
    fc.property(expression, fc.integer({ min: -1_000_000, max: 40_000_000 }), (text, after) => {
      const job = schedule(text);
      const next = nextRun(job, after, UTC);
      if (next === null) return;
      assert.ok(next > after && matches(job, next));
      for (let minute = after + 1; minute < Math.min(next, after + 3000); minute++) assert.ok(!matches(job, minute));
    }),
  );
});

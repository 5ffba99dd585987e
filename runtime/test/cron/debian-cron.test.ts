import assert from "node:assert/strict";
import { parseCrontab } from "../../../lib/crontab.ts";
import { nextRun, type Zone } from "../../../lib/schedule-next.ts";
import { test } from "../harness/test.ts";
import { fetchDebianCron, logOf } from "./debian-cron.ts";
import { EXPRESSIONS } from "./expressions.ts";

/**
 * Debian's real cron, in a box of its own, decides for every minute of these days what to run: its clock is ours (clock-shim.c), so
 * two days take seconds, and what it would run it logs. Our schedules must name the same jobs at the same minutes.
 */
const STRETCHES: readonly (readonly [what: string, zone: string, from: string, to: string])[] = [
  ["the end of a year", "UTC", "2027-12-30 22:00", "2028-01-02 02:00"],
  ["a leap day", "UTC", "2028-02-28 12:00", "2028-03-01 12:00"],
  ["the beginning of daylight saving in Berlin", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 18:00"],
  ["its end", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 18:00"],
  ["the beginning of daylight saving in New York", "America/New_York", "2026-03-07 18:00", "2026-03-09 00:00"],
  ["its end in a night that begins a month", "America/New_York", "2026-10-31 18:00", "2026-11-02 00:00"],
  ["the end of half an hour in Lord Howe", "Australia/Lord_Howe", "2026-04-04 04:00", "2026-04-05 06:00"],
  ["its beginning", "Australia/Lord_Howe", "2026-10-03 04:00", "2026-10-04 06:00"],
];

const minuteOf = (utc: string): number => Date.parse(`${utc}Z`) / 60_000;

/** A real zone, by the data that Node.js brings. */
function zoneOf(name: string): Zone {
  const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  const known = new Map<number, number>();
  return (minute) => {
    const quarter = Math.floor(minute / 15);
    let offset = known.get(quarter);
    if (offset === undefined) {
      const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(quarter * 900_000)) ?? [];
      offset = (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
      known.set(quarter, offset);
    }
    return offset;
  };
}

/** `MINUTE EXPRESSION` of every run, by our rules. */
function ours(zoneName: string, from: number, to: number): string[] {
  const { entries, flaws } = parseCrontab(EXPRESSIONS.map((text) => `${text} x`).join("\n"), false, () => true);
  assert.deepEqual(flaws, []);
  const zone = zoneOf(zoneName);
  return entries.flatMap(({ schedule, when }) => {
    const runs: string[] = [];
    if (schedule === null) return runs;
    for (let at = nextRun(schedule, from, zone); at !== null && at < to; at = nextRun(schedule, at, zone))
      runs.push(`${new Date(at * 60_000).toISOString().slice(0, 16)} ${when}`);
    return runs;
  });
}

test("A98 200 schedules run in the minutes in which Debian's cron runs them", async () => {
  assert.equal(EXPRESSIONS.length, 200);
  const cron = await fetchDebianCron();
  const table = EXPRESSIONS.map((text, index) => `${text} root job${index}\n`).join("");
  for (const [what, zone, fromText, toText] of STRETCHES) {
    const [from, to] = [minuteOf(fromText), minuteOf(toText)];
    const log = await logOf(cron, { "/etc/crontab": table }, { zone, from: from * 60, to: to * 60 });
    const theirs = new Set<string>();
    for (const [second, message] of log) {
      const job = /CMD \(job(\d+)\)/.exec(message)?.[1];
      const minute = new Date(Math.floor(second / 60) * 60_000).toISOString().slice(0, 16);
      if (job !== undefined) theirs.add(`${minute} ${EXPRESSIONS[Number(job)]}`);
    }
    assert.ok(theirs.size > 1000, `${what}: Debian's cron ran ${theirs.size} jobs only`);
    assert.deepEqual([...new Set(ours(zone, from, to))].sort(), [...theirs].sort(), what);
  }
}, 180_000);

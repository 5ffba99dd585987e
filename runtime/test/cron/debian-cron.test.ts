import assert from "node:assert/strict";
import { parseCrontab } from "../../../lib/cron/crontab.ts";
import { nextRun } from "../../../lib/cron/next.ts";
import { parseZoneRule } from "../../../lib/linux/zone-rule.ts";
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

/** The short form of `npm test` takes one: a day on which the clock is changed. Each takes hundreds of thousands of processes. */
const SHORT = new Set(["the beginning of daylight saving in Berlin"]);
const stretches = STRETCHES.filter(([what]) => process.env.SHIPSHAPE_FORM !== "short" || SHORT.has(what));

/** The zones' rules in these years. */
const RULES: Readonly<Record<string, string>> = {
  UTC: "UTC0",
  "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3",
  "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
  "Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
};

const cron = fetchDebianCron();

/** Minutes since the Epoch of a time like `2026-03-29 01:00`, in UTC. */
function minuteOf(utc: string): number {
  return Date.parse(`${utc}Z`) / 60_000;
}

/** `MINUTE EXPRESSION` of every run, by our rules. */
function ours(zoneName: string, from: number, to: number): string[] {
  const { entries, flaws } = parseCrontab(EXPRESSIONS.map((text) => `${text} x`).join("\n"), false, () => true);
  assert.deepEqual(flaws, []);
  const zone = parseZoneRule(RULES[zoneName] ?? "");
  assert.ok(zone !== null, zoneName);
  const minutes = (minute: number) => zone(minute * 60) / 60;
  return entries.flatMap(({ schedule, when }) => {
    const runs: string[] = [];
    if (schedule === null) return runs;
    for (let at = nextRun(schedule, from, minutes); at !== null && at < to; at = nextRun(schedule, at, minutes))
      runs.push(`${new Date(at * 60_000).toISOString().slice(0, 16)} ${when}`);
    return runs;
  });
}

test("A98 200 schedules run in the minutes in which Debian's cron runs them", async () => {
  assert.equal(EXPRESSIONS.length, 200);
  assert.ok(stretches.length >= SHORT.size);
  const table = EXPRESSIONS.map((text, index) => `${text} root job${index}\n`).join("");
  for (const [what, zone, fromText, toText] of stretches) {
    const [from, to] = [minuteOf(fromText), minuteOf(toText)];
    const log = await logOf(await cron, { "/etc/crontab": table }, { zone, from: from * 60, to: to * 60 });
    const theirs = new Set<string>();
    for (const [second, message] of log) {
      const job = /CMD \(job(\d+)\)/.exec(message)?.[1];
      const minute = new Date(Math.floor(second / 60) * 60_000).toISOString().slice(0, 16);
      if (job !== undefined) theirs.add(`${minute} ${EXPRESSIONS[Number(job)]}`);
    }
    assert.ok(theirs.size > 1000, `${what}: Debian's cron ran ${theirs.size} jobs only`);
    assert.deepEqual([...new Set(ours(zone, from, to))].sort(), [...theirs].sort(), what);
  }
}, 300_000);

/** What ours refuses, and whether Debian's does. Where it does not, it ignores what it does not understand, or never runs the job. */
const REFUSED: readonly (readonly [expression: string, theirs: boolean])[] = [
  ...(
    "60 * * * *|* 24 * * *|* * 0 * *|* * 32 * *|* * * 13 *|* * * 0 *|* * * foo *|* * * * 8|* * * * monday|1,2,60 * * * *|" +
    "1,,2 * * * *|, * * * *|*/0 * * * *|*/x * * * *|*/ * * * *|5/10 * * * *|-1 * * * *|1- * * * *|+1 * * * *|? * * * *|" +
    "0 0 L * *|@noon|1-70 * * * *|0 0 * * Sunday|5x * * * *"
  )
    .split("|")
    .map((text) => [text, true] as const),
  ...["*/5/5 * * * *", "5-1 * * * *", "0 0 * * fri-sun", "1-2-3 * * * *", "** * * * *", "*-5 * * * *"].map(
    (text) => [text, false] as const,
  ),
  ...["1.5 * * * *", "0 0 * * 5#2", "1;2 * * * *", "0 0 30 2 *"].map((text) => [text, false] as const),
];

test("A98 what Debian's cron refuses is refused, and so is what it would run at another time than meant", async () => {
  const files = Object.fromEntries(REFUSED.map(([text], index) => [`/etc/cron.d/t${index}`, `${text} root x\n`]));
  const log = await logOf(await cron, files, { zone: "UTC", from: 1_800_000_000, to: 1_800_000_120 });
  const theirs = new Set(log.flatMap(([, message]) => /while reading \/etc\/cron\.d\/t(\d+)/.exec(message)?.[1] ?? []));
  for (const [index, [text, refused]] of REFUSED.entries()) {
    assert.equal(parseCrontab(`${text} root x\n`, true, () => true).flaws.length, 1, text);
    assert.equal(theirs.has(String(index)), refused, `Debian's cron and "${text}"`);
  }
});

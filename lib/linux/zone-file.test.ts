import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_ZONE_BYTES, parseZoneFile } from "./zone-file.ts";
import { parseZoneRule, type TimeZone } from "./zone-rule.ts";

const DIRECTORY = "/usr/share/zoneinfo";
const HAS_FILES = existsSync(join(DIRECTORY, "Europe/Berlin"));
const NO_FILES = HAS_FILES ? false : "this machine has no tzdata";
const HOUR = 3600;

/** Zones whose past is settled: tzdata and Node.js may be of different years. Among them are the odd ones. */
const ZONES =
  "Africa/Cairo Africa/Casablanca Africa/Monrovia America/New_York America/Santiago America/Sao_Paulo America/St_Johns Antarctica/Troll Asia/Kathmandu Asia/Kolkata Asia/Tehran Asia/Tokyo Atlantic/Azores Australia/Lord_Howe Australia/Sydney Europe/Berlin Europe/Dublin Europe/Lisbon Europe/London Europe/Moscow Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Kiritimati Pacific/Kwajalein UTC".split(
    " ",
  );

/** What lasts, as the files' footers and the variable TZ have it. */
const RULES: readonly (readonly [zone: string, rule: string])[] = [
  ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"],
  ["Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"],
  ["Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1"],
  ["America/New_York", "EST5EDT,M3.2.0,M11.1.0"],
  ["America/New_York", "EST5EDT"],
  ["America/St_Johns", "NST3:30NDT,M3.2.0,M11.1.0"],
  ["America/Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24"],
  ["Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"],
  ["Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"],
  ["Antarctica/Troll", "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3"],
  ["Pacific/Chatham", "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"],
  ["Africa/Cairo", "EET-2EEST,M4.5.5/0,M10.5.4/24"],
  ["Asia/Jerusalem", "IST-2IDT,M3.4.4/26,M10.5.0"],
  ["Asia/Kathmandu", "<+0545>-5:45"],
  ["Etc/GMT+12", "<-12>12"],
];

/** The same by the data that Node.js brings. */
function intlZone(name: string): TimeZone {
  const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  return (seconds) => {
    const text = format.format(seconds * 1000);
    const [, sign, hours = 0, minutes = 0, rest = 0] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?/.exec(text) ?? [];
    return (sign === "-" ? -1 : 1) * (Number(hours) * HOUR + Number(minutes) * 60 + Number(rest)) || 0;
  };
}

/** Compares at steps of some days, and to the second around each change that is found so. */
function compare(name: string, zone: TimeZone, years: readonly [from: number, to: number]): void {
  const other = intlZone(name);
  const [from, to] = years.map((year) => Date.UTC(year, 0) / 1000) as [number, number];
  const step = 11 * 24 * HOUR;
  const same = (at: number) => assert.equal(zone(at), other(at), `${name} at ${new Date(at * 1000).toISOString()}`);
  for (let at = from; at < to; at += step) {
    same(at);
    if (zone(at) === zone(at + step)) continue;
    let low = at;
    for (let high = at + step; high - low > 1; ) {
      const middle = Math.floor((low + high) / 2);
      if (zone(middle) === zone(at)) low = middle;
      else high = middle;
    }
    for (const near of [-HOUR, -1, 0, 1, 2, HOUR]) same(low + near);
  }
}

function fileOf(name: string): string {
  return readFileSync(join(DIRECTORY, name), "latin1");
}

/** Where a reader that takes everything would go wrong. */
function probe(zone: TimeZone | string | null): void {
  if (typeof zone !== "function") return;
  for (const at of [-(2 ** 40), -(2 ** 31), -1, 0, 1_700_000_000, 2 ** 31, 2 ** 40]) {
    const offset = zone(at);
    assert.ok(Number.isInteger(offset) && Math.abs(offset) < 27 * HOUR, `${offset}`);
  }
}

/** A file of the second version. */
function build(times: readonly number[], offsets: readonly number[], types: readonly number[], footer: string): Buffer {
  const header = (counts: readonly number[]) => {
    const bytes = Buffer.alloc(44);
    bytes.write("TZif2");
    for (const [index, count] of counts.entries()) bytes.writeUInt32BE(count, 20 + 4 * index);
    return bytes;
  };
  const body = Buffer.alloc(times.length * 9 + offsets.length * 6 + 4);
  for (const [index, time] of times.entries()) body.writeBigInt64BE(BigInt(time), index * 8);
  body.set(types, times.length * 8);
  for (const [index, offset] of offsets.entries()) body.writeInt32BE(offset, times.length * 9 + index * 6);
  const counts = [0, 0, 0, times.length, offsets.length, 4];
  return Buffer.concat([
    header([0, 0, 0, 0, 1, 1]),
    Buffer.alloc(7),
    header(counts),
    body,
    Buffer.from(`\n${footer}\n`),
  ]);
}

const SMALL = build([0, 1000], [3600, 7200], [1, 0], "CET-1");

test("parseZoneFile() reads changes, the type before the first and the rule after the last", () => {
  const zone = parseZoneFile(SMALL.toString("latin1"));
  assert.ok(typeof zone === "function");
  assert.deepEqual([-1, 0, 999, 1000, 2 ** 40].map(zone), [3600, 7200, 7200, 3600, 3600]);
});

test("parseZoneFile() agrees with Intl on every change of many zones", { skip: NO_FILES }, () => {
  for (const name of ZONES) {
    const zone = parseZoneFile(fileOf(name));
    assert.ok(typeof zone === "function", `${name}: ${zone}`);
    compare(name, zone, [1972, 2020]);
  }
});

test("parseZoneFile() reads every zone of this machine, none with leap seconds, and no table beside them", {
  skip: NO_FILES,
}, () => {
  const names = readdirSync(DIRECTORY, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(DIRECTORY, name)).isFile(),
  );
  for (const name of names) {
    const text = fileOf(name);
    const isZone = text.startsWith("TZif") && !name.startsWith("right/");
    assert.equal(typeof parseZoneFile(text), isZone ? "function" : "string", name);
  }
  assert.ok(names.includes("tzdata.zi"));
});

test("parseZoneRule() agrees with Intl on every change of the years that the rules are for", () => {
  for (const [name, rule] of RULES) {
    const zone = parseZoneRule(rule);
    assert.ok(zone !== null, rule);
    compare(name, zone, [2024, 2037]);
  }
});

test("parseZoneRule() knows days of the year, daylight saving all year, and times of other days", () => {
  const at = (text: string) => Date.parse(`${text}Z`) / 1000;
  const offsets = (rule: string, ...times: string[]) => times.map((time) => parseZoneRule(rule)?.(at(time)));
  assert.deepEqual(
    offsets("AAA0BBB,J60/0,J61/0", "2024-02-29 23:59", "2024-03-01 00:00", "2024-03-01 22:59", "2024-03-01 23:00"),
    [0, HOUR, HOUR, 0],
  );
  assert.deepEqual(offsets("AAA0BBB,59/0,60/0", "2024-02-29 00:00", "2023-03-01 00:00"), [HOUR, HOUR]);
  for (const time of [
    "2025-12-31 23:59",
    "2026-01-01 02:59",
    "2026-01-01 03:00",
    "2026-01-01 04:00",
    "2026-07-01 00:00",
  ])
    assert.deepEqual(offsets("XXX3EDT4,0/0,J365/23", time), [-4 * HOUR], time);
  assert.deepEqual(offsets("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29 00:59", "2026-03-29 01:00"), [
    -2 * HOUR,
    -HOUR,
  ]);
});

test("parseZoneRule() refuses numbers out of range and texts that are no rules", () => {
  for (const rule of [
    "",
    "CET",
    "AB1",
    "<>1",
    "<+03",
    "<+03>",
    "CET25",
    "CET-1CEST,M3.5.0",
    "CET-1CEST,M3.5.0,M10.5.0/168",
    "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0",
    "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,J0,J366",
    "CET-1CEST,M3.5.0,M10.5.0 ",
    "AAA0BBB,M500000000.1.1,M10.1.1",
    `${"A".repeat(200)}1`,
  ])
    assert.equal(parseZoneRule(rule), null, rule);
});

test("parseZoneFile() answers with a reason for whatever is damaged, and never takes an offset out of range", () => {
  const seeds = [SMALL, ...(HAS_FILES ? ["Europe/Berlin", "Africa/Casablanca"] : [])].flatMap((seed) => {
    if (typeof seed !== "string") return [seed];
    return existsSync(join(DIRECTORY, seed)) ? [readFileSync(join(DIRECTORY, seed))] : [];
  });
  for (const seed of seeds) {
    const text = seed.toString("latin1");
    for (let length = 0; length < text.length; length++) {
      const cut = parseZoneFile(text.slice(0, length));
      assert.equal(typeof cut, "string", `${length} of ${text.length}`);
    }
  }
  const byte = fc.integer({ min: 0, max: 255 });
  const mutation = fc.array(fc.tuple(fc.nat(4000), byte), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.constantFrom(...seeds), mutation, (seed, changes) => {
      const bytes = Buffer.from(seed);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      probe(parseZoneFile(bytes.toString("latin1")));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom("", "TZif", "TZif2"), (bytes, magic) =>
      probe(parseZoneFile(magic + Buffer.from(bytes).toString("latin1"))),
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ABC<>+-0159,M.J/:\n\0"), maxLength: 40 }), (text) =>
      probe(parseZoneRule(text)),
    ),
    { numRuns: 2000 },
  );
  // The proof of the fault in musl: counts that lead far behind the file's end.
  assert.equal(typeof parseZoneFile(`TZif2${"\xff".repeat(60)}`), "string");
  assert.equal(typeof parseZoneFile("T".repeat(MAX_ZONE_BYTES + 1)), "string");
});

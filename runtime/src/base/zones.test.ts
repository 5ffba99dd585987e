import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Zones } from "./zones.ts";

const HOUR = 3600;

/** A zone's file without changes: one type, and a footer. */
function zoneFile(hours: number): string {
  const header = (types: string) => `TZif2${"\0".repeat(15)}${"\0".repeat(16)}${types}`;
  const type = `\0\0${String.fromCharCode((hours * HOUR) >> 8, (hours * HOUR) & 0xff)}\0\0ABC\0`;
  const counts = "\0\0\0\x01\0\0\0\x04";
  return `${header(counts)}${type}${header(counts)}${type}\nABC-${hours}\n`;
}

/** A container with the zone files of tzdata, or without. */
function container(tz: string | null, tzdata = true): FakeSys {
  const sys = new FakeSys();
  sys.environ = tz === null ? "PATH=/bin" : `PATH=/bin\0TZ=${tz}`;
  sys.makeDirectories("/etc");
  if (tzdata) sys.put("/usr/share/zoneinfo/Europe/Berlin", zoneFile(1));
  return sys;
}

test("Zones.knows() takes files of zones, rules, and every name of UTC", () => {
  const zones = new Zones(container(null));
  for (const name of [
    "",
    "UTC",
    "Etc/UTC",
    "Zulu",
    "Europe/Berlin",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT",
    "<+03>-3",
  ])
    assert.equal(zones.knows(name), true, name);
  for (const name of ["Europe", "Europe/Berlim", "CET", "<+03", "ab1", "AAA0BBB,M500000000.1.1,M10.1.1"])
    assert.equal(zones.knows(name), false, name);
});

test("Zones.knows() takes no file outside the database, by whatever name, no table beside the zones, and no damaged file", () => {
  const sys = container(null);
  for (const path of ["/home/eve/zone", "/usr/share/zone"]) sys.put(path, zoneFile(2));
  sys.put("/home/eve/evil", `TZif2${"\xff".repeat(60)}`);
  sys.put("/usr/share/zoneinfo/damaged", zoneFile(2).slice(0, -8));
  for (const table of ["tzdata.zi", "zone.tab"]) sys.put(`/usr/share/zoneinfo/${table}`, "# version 2025b\n");
  sys.putLink("/usr/share/zoneinfo/linked", "/home/eve/zone");
  sys.putLink("/usr/share/zoneinfo/Mine", "Europe/Berlin");
  const zones = new Zones(sys);
  assert.equal(zones.knows("Mine"), true);
  for (const name of [
    "/home/eve/zone",
    "/home/eve/evil",
    "/home/eve/nothing",
    "/usr/share/zoneinfo/Europe/Berlin",
    "../zone",
    "../zoneinfo/Europe/Berlin",
    "Europe/../Europe/Berlin",
    "./Europe/Berlin",
    "Europe//Berlin",
    "linked",
    "damaged",
    "tzdata.zi",
    "zone.tab",
  ])
    assert.equal(zones.knows(name), false, name);
});

test("Zones.zone() is UTC for a zone that does not exist, and the same function until the file changes", () => {
  const sys = container("Europe/Berlin");
  const zones = new Zones(sys);
  assert.deepEqual([zones.zone("")(0), zones.zone("Europe/Berlin")(0), zones.zone("Mars/Base")(0)], [HOUR, HOUR, 0]);
  const berlin = zones.zone("Europe/Berlin");
  zones.reread();
  assert.equal(zones.zone("Europe/Berlin"), berlin);
  sys.put("/usr/share/zoneinfo/Europe/Berlin", zoneFile(2));
  assert.equal(zones.zone("")(0), HOUR);
  zones.reread();
  assert.deepEqual([zones.zone("")(0), zones.zone("Europe/Berlin")(0)], [2 * HOUR, 2 * HOUR]);
});

test("Zones.zone() follows /etc/localtime when that comes or leads elsewhere", () => {
  const sys = container(null);
  sys.put("/usr/share/zoneinfo/Asia/Dubai", zoneFile(4));
  const zones = new Zones(sys);
  const offsets = ["Europe/Berlin", "Asia/Dubai"].map((name) => {
    const before = zones.zone("")(0);
    sys.putLink("/etc/localtime", `/usr/share/zoneinfo/${name}`);
    zones.reread();
    return [before, zones.zone("")(0)];
  });
  assert.deepEqual(offsets, [
    [0, HOUR],
    [HOUR, 4 * HOUR],
  ]);
});

test("Zones.refuseOwn() says nothing when the container's zone is the one that was asked for", () => {
  for (const tz of [
    null,
    "",
    "UTC",
    "Etc/UTC",
    ":Europe/Berlin",
    "/usr/share/zoneinfo/Europe/Berlin",
    ":/etc/localtime",
  ])
    assert.equal(new Zones(container(tz)).refuseOwn(), null, `${tz}`);
  const linked = container(null);
  linked.putLink("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
  assert.equal(new Zones(linked).refuseOwn(), null);
});

test("Zones.refuseOwn() names a zone that the container has not, and a rule that is none", () => {
  const instead = "(Debian's package tzdata brings them); schedules count in UTC";
  for (const [tz, tzdata] of [
    ["Europe/Berlin", false],
    ['"Europe/Berlin"', true],
    ["AAA0BBB,M500000000.1.1,M10.1.1", true],
  ] as const)
    assert.equal(
      new Zones(container(tz, tzdata)).refuseOwn(),
      `cannot use TZ: there is no time zone "${tz}" in /usr/share/zoneinfo ${instead}`,
    );
  const dangling = container(null, false);
  dangling.putLink("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
  const directory = container(null);
  directory.makeDirectories("/etc/localtime");
  for (const sys of [dangling, directory])
    assert.match(new Zones(sys).refuseOwn() ?? "", /^cannot use \/etc\/localtime: it leads to no file .*count in UTC$/);
  const damaged = container(null);
  damaged.put("/etc/localtime", "TZif");
  assert.match(
    new Zones(damaged).refuseOwn() ?? "",
    /^cannot use \/etc\/localtime: it does not begin as .*count in UTC$/,
  );
});

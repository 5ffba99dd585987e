import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../../fake/sys-fake.ts";
import { Zones } from "./zones.ts";

/** A container with the zone files of tzdata, or without. */
function container(tz: string | null, tzdata = true): FakeSys {
  const sys = new FakeSys();
  sys.environ = tz === null ? "PATH=/bin" : `PATH=/bin\0TZ=${tz}`;
  sys.makeDirectories("/etc");
  if (tzdata) sys.put("/usr/share/zoneinfo/Europe/Berlin", "TZif");
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
  for (const name of ["Europe", "Europe/Berlim", "CET", "../zoneinfo/Europe/Berlin", "<+03", "ab1"])
    assert.equal(zones.knows(name), false, name);
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

test("Zones.refuseOwn() names a zone that the container has not", () => {
  assert.equal(
    new Zones(container("Europe/Berlin", false)).refuseOwn(),
    'cannot use TZ: there is no time zone "Europe/Berlin" in /usr/share/zoneinfo (Debian\'s package tzdata brings them); schedules count in UTC',
  );
  assert.match(new Zones(container('"Europe/Berlin"')).refuseOwn() ?? "", /time zone ""Europe\/Berlin"" in/);
  const dangling = container(null, false);
  dangling.putLink("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
  const directory = container(null);
  directory.makeDirectories("/etc/localtime");
  for (const sys of [dangling, directory])
    assert.match(new Zones(sys).refuseOwn() ?? "", /^cannot use \/etc\/localtime: it leads to no file .*count in UTC$/);
});

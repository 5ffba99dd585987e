import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../../fake/sys-fake.ts";
import { Arena } from "./arena.ts";
import { Stamps } from "./stamps.ts";

/** A zone's file that has one offset for all times. */
function zoneFile(hours: number): string {
  const header = `TZif2${"\0".repeat(15)}${"\0".repeat(16)}\0\0\0\x01\0\0\0\x04`;
  const type = `\0\0${String.fromCharCode((hours * 3600) >> 8, (hours * 3600) & 0xff)}\0\0ABC\0`;
  return `${header}${type}${header}${type}\nABC-${hours}\n`;
}

test("Stamps.refresh() follows /etc/localtime from the next second on, when it comes and when it leads elsewhere", () => {
  const sys = new FakeSys();
  sys.makeDirectories("/etc");
  for (const hours of [1, 4]) sys.put(`/zone/${hours}`, zoneFile(hours));
  const arena = Arena.open(sys, sys.memfd());
  assert.ok(typeof arena !== "number");
  const stamps = new Stamps(arena, true);
  const stamp = () => {
    const { at, stampBytes } = stamps.refresh();
    return [arena.peek(at, at + stampBytes), stamps.isoTime()];
  };
  const both = (time: string) => [`${time} `, time];
  assert.deepEqual(stamp(), both("2023-11-14T22:13:21+00:00"));
  sys.putLink("/etc/localtime", "/zone/1");
  sys.clock += 1000;
  assert.deepEqual(stamp(), both("2023-11-14T23:13:22+01:00"));
  sys.putLink("/etc/localtime", "/zone/4");
  sys.clock += 1000;
  assert.deepEqual(stamp(), both("2023-11-15T02:13:23+04:00"));
});

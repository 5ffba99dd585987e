import assert from "node:assert/strict";
import test from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { occupantOf } from "./socket-place.ts";

const PATH = "/dev/log";

function withPlace(fill: (sys: FakeSys) => void): FakeSys {
  const sys = new FakeSys();
  sys.makeDirectories("/dev");
  sys.makeDirectories("/run");
  fill(sys);
  return sys;
}

test("occupantOf() tells who has a place, and changes nothing", () => {
  const cases: readonly (readonly [string, (sys: FakeSys) => void])[] = [
    ["free", () => undefined],
    ["alive", (sys) => void sys.unixBindDatagram(PATH)],
    ["alive", (sys) => void sys.unixBind(PATH)],
    [
      "alive",
      (sys) => {
        sys.unixBindDatagram("/run/log");
        sys.putLink(PATH, "/run/log");
      },
    ],
    ["left", (sys) => void sys.close(sys.unixBindDatagram(PATH))],
    ["left", (sys) => sys.putLink(PATH, "/run/none")],
    ["left", (sys) => sys.putLink(PATH, PATH)],
    ["other", (sys) => sys.put(PATH)],
    ["other", (sys) => sys.makeDirectories(PATH)],
  ];
  for (const [expected, fill] of cases) {
    const sys = withPlace(fill);
    const before = sys.lstat(PATH);
    assert.equal(occupantOf(sys, PATH), expected);
    assert.deepEqual(sys.lstat(PATH), before);
  }
});

test("occupantOf() takes an error that says nothing about life for life", () => {
  const sys = withPlace((it) => void it.close(it.unixBindDatagram(PATH)));
  for (const errno of [Errno.EACCES, Errno.EPERM, Errno.EMFILE, Errno.ENOMEM]) {
    sys.unixConnectDatagram = () => -errno;
    assert.equal(occupantOf(sys, PATH), "alive", `errno ${errno}`);
  }
});

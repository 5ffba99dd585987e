import assert from "node:assert/strict";
import { test } from "node:test";
import { Loop } from "../base/loop.ts";
import { Messages } from "../base/messages.ts";
import { FakeSys } from "../fake/sys-fake.ts";
import { removeStalePidFiles } from "./stale-pid-files.ts";

const MOUNTS = "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n";
const STALE = ["/run/crond.pid", "/run/dbus/pid", "/run/nginx/nginx.pid"];

function world(mounts = MOUNTS): { sys: FakeSys; left: () => string[]; run: () => void } {
  const sys = new FakeSys();
  sys.put("/proc/self/mountinfo", mounts);
  for (const path of STALE) sys.put(path, "42\n");
  return {
    sys,
    left: () => STALE.filter((path) => typeof sys.lstat(path) !== "number"),
    run: () =>
      removeStalePidFiles(
        sys,
        new Messages(
          sys,
          new Loop(
            sys,
            () => {},
            () => {},
          ),
          false,
        ),
      ),
  };
}

test("removeStalePidFiles() removes pid files of the container's own /run", () => {
  const { left, run } = world();
  run();
  assert.deepEqual(left(), []);
});

test("removeStalePidFiles() keeps whatever is no pid file", () => {
  const { sys, run } = world();
  const kept = { "/run/pid": "a name\n", "/run/web.pid": "", "/run/lock.pids": "1\n", "/run/a/b/c.pid": "1\n" };
  for (const [path, text] of Object.entries(kept)) sys.put(path, text);
  sys.put("/etc/precious.pid", "7\n");
  sys.putLink("/run/link.pid", "/etc/precious.pid");
  run();
  for (const [path, text] of Object.entries(kept)) assert.equal(sys.textOf(path), text, path);
  assert.equal(sys.textOf("/etc/precious.pid"), "7\n");
});

test("removeStalePidFiles() touches nothing where /run is a mount, or this is not the first process", () => {
  const mounted = world(`${MOUNTS}3 1 0:9 / /run rw - tmpfs tmpfs rw\n`);
  mounted.run();
  assert.deepEqual(mounted.left(), STALE);
  const second = world();
  second.sys.pid = 7;
  second.run();
  assert.deepEqual(second.left(), STALE);
});

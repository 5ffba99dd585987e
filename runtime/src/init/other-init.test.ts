import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { isServedAlready } from "./other-init.ts";

/** A process beside others. @param pids parents by pid of what is called my_init there */
function beside(
  inits: Readonly<Record<number, number>>,
  namespaces: Readonly<Record<number | "self", string>>,
): FakeSys {
  const sys = new FakeSys();
  sys.pid = 77;
  for (const [pid, parent] of Object.entries({ ...inits, 77: 0 }))
    sys.put(`/proc/${pid}/stat`, `${pid} (my_init) S ${parent} 1 1`);
  for (const [pid, namespace] of Object.entries(namespaces)) {
    sys.makeDirectories(`/proc/${pid}/ns`);
    sys.putLink(`/proc/${pid}/ns/mnt`, namespace);
  }
  return sys;
}

/** Makes root's control socket one that this user may not reach. */
function withRefusal(sys: FakeSys): FakeSys {
  sys.uid = 1000;
  sys.unixConnect = (path) => (path.startsWith("/run/") ? -Errno.EACCES : -Errno.ENOENT);
  return sys;
}

test("isServedAlready() finds the init of another user in the same container", () => {
  assert.ok(
    isServedAlready(beside({ 1: 0 }, { self: "mnt:[1]", 1: "mnt:[1]" })),
    "root beside an init of another user",
  );
  assert.ok(isServedAlready(beside({ 7: 1 }, { self: "mnt:[1]", 7: "mnt:[1]" })), "under an engine's init");
  assert.ok(isServedAlready(withRefusal(beside({ 1: 0 }, { self: "mnt:[1]" }))), "a user beside root's init");
});

test("isServedAlready() takes neither itself, nor another container's init, nor a directory of an earlier life for one", () => {
  assert.ok(!isServedAlready(beside({}, { self: "mnt:[1]" })));
  assert.ok(!isServedAlready(beside({ 1: 0 }, { self: "mnt:[1]", 1: "mnt:[2]" })), "a PID namespace that is shared");
  assert.ok(!isServedAlready(withRefusal(beside({}, { self: "mnt:[1]" }))), "an image that was made of a container");
  assert.ok(!isServedAlready(beside({ 12: 11 }, { self: "mnt:[1]", 12: "mnt:[1]" })), "a guest's");
});

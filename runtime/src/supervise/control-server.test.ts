import assert from "node:assert/strict";
import test from "node:test";
import { Loop } from "../base/loop.ts";
import { Messages } from "../base/messages.ts";
import { containerName } from "../base/this-container.ts";
import { FakeSys } from "../fake/sys-fake.ts";
import { type Bytes, Errno } from "../sys.ts";
import type { Context } from "./context.ts";
import { serveControl, withdrawControl } from "./control-server.ts";
import type { Supervisor } from "./supervisor.ts";

const fail = (error: unknown) => assert.fail(String(error));
const DIRECTORY = "/run/shipshape";

/** A kernel on which several containers can share /run: which one its calls come from is said by {@link enter}. */
function shared(): FakeSys {
  const sys = new FakeSys();
  sys.makeDirectories("/run");
  sys.makeDirectories("/proc/self/ns");
  sys.put("/proc/sys/kernel/random/boot_id", "1f2e3d4c-0000-0000-0000-000000000000\n");
  return sys;
}

function enter(sys: FakeSys, namespace: number): void {
  sys.putLink("/proc/self/ns/pid", `pid:[${namespace}]`);
}

function serve(sys: FakeSys): number {
  const loop = new Loop(sys, () => undefined, fail);
  const context = { sys, loop, messages: new Messages(sys, loop, false) } as unknown as Context;
  return serveControl(context, {} as Supervisor, -1);
}

function names(sys: FakeSys): Bytes[] {
  return (sys.readdir(DIRECTORY) as Bytes[]).sort();
}

test("containerName() tells PID namespaces and boots apart, and has a name where neither is known", () => {
  const sys = shared();
  enter(sys, 4026532201);
  assert.equal(containerName(sys), "1f2e3d4c-4026532201");
  assert.equal(containerName(new FakeSys()), "0-0");
});

test("serveControl() leaves the sockets of other containers alone, and takes those of dead ones away", () => {
  const sys = shared();
  enter(sys, 1);
  assert.ok(serve(sys) >= 0);
  const dead = ["control-1f2e3d4c-9", "control-aaaaaaaa-9", "other"];
  for (const name of dead) sys.close(sys.unixBind(`${DIRECTORY}/${name}`));
  enter(sys, 2);
  assert.ok(serve(sys) >= 0);
  // Of another kernel nobody can tell whether it lives.
  assert.deepEqual(names(sys), ["control", "control-1f2e3d4c-1", "control-1f2e3d4c-2", "control-aaaaaaaa-9", "other"]);
  assert.equal(sys.readlink(`${DIRECTORY}/control`), "control-1f2e3d4c-2");
  for (const name of ["control-1f2e3d4c-1", "control-1f2e3d4c-2"])
    assert.ok(sys.unixConnect(`${DIRECTORY}/${name}`) >= 0, name);
});

test("withdrawControl() takes this container's socket away, and the short name where that is its own", () => {
  const sys = shared();
  for (const namespace of [1, 2]) {
    enter(sys, namespace);
    serve(sys);
  }
  enter(sys, 1);
  withdrawControl(sys);
  assert.deepEqual(names(sys), ["control", "control-1f2e3d4c-2"]);
  enter(sys, 2);
  withdrawControl(sys);
  assert.deepEqual(names(sys), []);
});

test("serveControl() leaves nothing where it cannot listen", () => {
  const sys = shared();
  sys.listen = () => -Errno.EADDRINUSE;
  assert.equal(serve(sys), -1);
  assert.deepEqual(names(sys), []);
});

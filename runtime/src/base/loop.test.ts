import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { Loop } from "./loop.ts";

function start() {
  const sys = new FakeSys();
  const signals: number[] = [];
  const errors: unknown[] = [];
  const loop = new Loop(
    sys,
    (signal) => signals.push(signal),
    (error) => errors.push(error),
  );
  return { sys, loop, signals, errors };
}

test("Loop.tick() hands over signals, one in each turn", () => {
  const { sys, loop, signals } = start();
  for (const signal of [15, 1]) sys.raise(signal);
  loop.tick();
  assert.deepEqual(signals, [1]);
  loop.tick();
  assert.deepEqual(signals, [1, 15]);
});

test("Loop.tick() calls a timer when its time has come, and not before", () => {
  const { sys, loop } = start();
  const called: string[] = [];
  loop.after(20, () => called.push("late"));
  loop.after(10.5, () => called.push("early"));
  const cancelled = loop.after(5, () => called.push("never"));
  loop.cancel(cancelled);
  const before = sys.now();
  loop.tick();
  assert.deepEqual(called, ["early"]);
  assert.ok(sys.now() - before >= 10.5 && sys.now() - before < 20);
  loop.tick();
  assert.deepEqual(called, ["early", "late"]);
});

test("Loop.tick() goes on after a handler that throws", () => {
  const { sys, loop, errors } = start();
  const [read, write] = sys.pipe();
  const failure = new Error("handler");
  let calls = 0;
  loop.watch(read, () => {
    calls++;
    throw failure;
  });
  loop.after(0, () => {
    throw failure;
  });
  sys.write(write, "x");
  loop.tick();
  assert.deepEqual([calls, errors], [1, [failure, failure]]);
});

test("Loop.unwatch() ends the calls", () => {
  const { sys, loop } = start();
  const [read, write] = sys.pipe();
  let calls = 0;
  loop.watch(read, () => calls++);
  sys.write(write, "x");
  loop.tick();
  loop.unwatch(read);
  loop.after(5, () => undefined);
  loop.tick();
  assert.equal(calls, 1);
});

test("Loop.watch() tells what the kernel refuses, and calls nobody then", () => {
  const { loop } = start();
  assert.equal(
    loop.watch(99, () => assert.fail()),
    -9,
  );
});

test("Loop.watchDirectory() calls for changes in that directory only, and all of them when some were lost", () => {
  const { sys, loop, signals } = start();
  for (const path of ["/a", "/b"]) sys.mkdir(path, 0o755);
  const changed: string[] = [];
  const watches = ["/a", "/b"].map((path) => loop.watchDirectory(path, () => changed.push(path)));
  sys.put("/b/file");
  loop.tick();
  assert.deepEqual(changed, ["/b"]);
  sys.raise(29);
  loop.tick();
  assert.deepEqual(changed, ["/b", "/a", "/b"]);
  loop.unwatchDirectory(watches[1] ?? -1);
  sys.put("/b/other");
  sys.put("/a/file");
  loop.tick();
  assert.deepEqual([changed.slice(3), signals], [["/a"], []]);
});

test("Loop.deferSignals() leaves signals alone for that time, and nothing else", () => {
  const { sys, loop, signals } = start();
  const [read, write] = sys.pipe();
  const started = sys.now();
  let calls = 0;
  loop.watch(read, () => calls++);
  loop.deferSignals(10);
  sys.raise(1);
  sys.write(write, "x");
  loop.tick();
  assert.deepEqual([signals, calls], [[], 1]);
  loop.unwatch(read);
  for (let turn = 0; turn < 2; turn++) loop.tick();
  assert.deepEqual([signals, sys.now() - started], [[1], 10]);
});

test("Loop throws the name of a call that it cannot do without, instead of turning for ever", () => {
  const calls = {
    epollCreate: "epoll_create1",
    signalfd: "signalfd4",
    epollAdd: "epoll_ctl",
    epollWait: "epoll_pwait",
  };
  for (const [method, call] of Object.entries(calls)) {
    const sys = new FakeSys();
    Object.assign(sys, { [method]: () => -Errno.EPERM });
    const turn = () =>
      new Loop(
        sys,
        () => undefined,
        () => undefined,
      ).tick();
    assert.throws(turn, new RegExp(`^Error: cannot .* a seccomp profile refuses ${call}: allow it$`));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Children } from "./children.ts";
import { Loop } from "./loop.ts";

function start() {
  const sys = new FakeSys();
  sys.putProgram("/p");
  const fail = (error: unknown) => assert.fail(String(error));
  const loop: Loop = new Loop(sys, () => children.reap(), fail);
  const children = new Children(sys, loop);
  const spawn = () => {
    sys.spawn("/p", "p", "", "", [0, 1, 2], 0, null);
    const process = sys.spawned.at(-1);
    assert.ok(process !== undefined);
    return process;
  };
  return { sys, loop, children, spawn };
}

test("Children.reap() tells each parent of its own child, however many ended at once", () => {
  const { sys, loop, children, spawn } = start();
  const ends: [number, number][] = [];
  const processes = [spawn(), spawn(), spawn()];
  for (const { pid } of processes) children.add(pid, { exited: (...end) => ends.push(end) });
  processes.forEach((process, code) => {
    sys.end(process, code << 8);
  });
  loop.tick();
  assert.deepEqual(
    ends,
    processes.map(({ pid }, code) => [pid, code << 8]),
  );
});

test("Children.reap() drops a stranger's status, so that a later child with its pid has its own", async () => {
  const { sys, loop, children } = start();
  const orphan = sys.adopt();
  sys.end(orphan, 9);
  loop.tick();
  const status = children.exitOf(orphan.pid);
  sys.processes.set(orphan.pid, orphan);
  sys.end(orphan, 3 << 8);
  loop.tick();
  assert.equal(await status, 3 << 8);
});

test("Children.reap() takes a flood of orphans in pieces, and a child's end comes through", async () => {
  const { sys, loop, children, spawn } = start();
  const orphans = Array.from({ length: 5000 }, () => sys.adopt());
  const child = spawn();
  const status = children.exitOf(child.pid);
  for (const orphan of orphans) sys.end(orphan, 0);
  sys.end(child, 1 << 8);
  loop.tick();
  assert.equal(await status, 1 << 8);
  assert.equal(sys.reap(), -10);
});

test("Children.noneBut() resolves when the last child is gone, or only the spared one is left", async () => {
  const { sys, loop, children, spawn } = start();
  const [spared, other] = [spawn(), spawn()];
  sys.put("/proc/self/task/1/children", `${spared.pid} `);
  let none = false;
  const waiting = children
    .noneBut(() => (other === undefined ? 0 : spared.pid))
    .then(() => {
      none = true;
    });
  sys.put("/proc/self/task/1/children", `${spared.pid} ${other.pid} `);
  await Promise.resolve();
  sys.end(other, 0);
  sys.put("/proc/self/task/1/children", `${spared.pid} `);
  loop.tick();
  await waiting;
  assert.ok(none);
});

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

function exitOf(children: Children, pid: number): Promise<number> {
  return new Promise((resolve) => children.add(pid, { exited: (_, status) => resolve(status) }));
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
  const status = exitOf(children, orphan.pid);
  sys.processes.set(orphan.pid, orphan);
  sys.end(orphan, 3 << 8);
  loop.tick();
  assert.equal(await status, 3 << 8);
});

test("Children.reap() takes a flood of orphans in pieces, and a child's end comes through", async () => {
  const { sys, loop, children, spawn } = start();
  const orphans = Array.from({ length: 5000 }, () => sys.adopt());
  const child = spawn();
  const status = exitOf(children, child.pid);
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
    .noneBut((pid) => pid === spared.pid)
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

test("Children.adopt() ends at once a child that the previous incarnation has reaped, with its status", () => {
  const { sys, loop, spawn } = start();
  const [reaped, lost, alive] = [spawn(), spawn(), spawn()];
  for (const process of [lost, reaped]) {
    sys.end(process, 7 << 8);
    sys.reap();
  }
  const children = new Children(sys, loop, { pid: reaped.pid, status: 7 << 8 });
  const ends: [number, number][] = [];
  for (const { pid } of [reaped, lost, alive]) children.adopt(pid, { exited: (...end) => ends.push(end) });
  assert.deepEqual(ends, [
    [reaped.pid, 7 << 8],
    [lost.pid, 0],
  ]);
  sys.end(alive, 3 << 8);
  children.reap();
  assert.deepEqual(ends.at(-1), [alive.pid, 3 << 8]);
});

test("Children.noneBut() reads no more of a long list than it needs", () => {
  const { sys, loop, spawn } = start();
  const spared = spawn();
  sys.put("/proc/self/task/1/children", `${spared.pid} `.padEnd(100_000, "1"));
  let read = 0;
  const counting = new Proxy(sys, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        const result = member.apply(target, args);
        if (name === "read") read += result.length;
        return result;
      };
    },
  });
  void new Children(counting, loop).noneBut((pid) => pid === spared.pid);
  assert.ok(read > 0 && read <= 4096, `${read} bytes`);
});

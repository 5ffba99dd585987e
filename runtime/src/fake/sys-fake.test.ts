import assert from "node:assert/strict";
import test from "node:test";
import { Errno, Open, Poll } from "../sys.ts";
import { Exited, FakeSys } from "./sys-fake.ts";
import { behaviours, FALSE, SLEEP, TRUE } from "./sys-suite.ts";

for (const { name, run } of behaviours) {
  test(`FakeSys behaves as the kernel does: ${name}`, () => {
    const sys = new FakeSys();
    sys.putProgram(TRUE, (process) => sys.end(process, 0));
    sys.putProgram(FALSE, (process) => sys.end(process, 1 << 8));
    sys.putProgram(SLEEP);
    sys.mkdir("/dir", 0o755);
    run(sys, "/dir");
  });
}

test("epollWait() comes to what a test planned, and no further", () => {
  const sys = new FakeSys();
  const epoll = sys.epollCreate();
  const signals = sys.signalfd();
  sys.epollAdd(epoll, signals, Poll.In);
  const started = sys.now();
  sys.after(50, () => sys.raise(15));
  assert.equal(sys.epollWait(epoll, new Int32Array(2), 1000), 1);
  assert.equal(sys.now() - started, 50);
});

test("epollWait() throws when nothing could ever happen", () => {
  const sys = new FakeSys();
  assert.throws(() => sys.epollWait(sys.epollCreate(), new Int32Array(2), -1), /wait for ever/);
});

test("kill() reaches a group, and a process that handles the signal lives on", () => {
  const sys = new FakeSys();
  sys.putProgram("/p");
  const [pid, other] = [1, 1].map((flags) => sys.spawn("/p", "p", "", "", [0, 1, 2], flags, null));
  const [process] = sys.spawned;
  assert.ok(process !== undefined);
  process.onSignal = () => undefined;
  assert.equal(sys.kill(-(pid ?? 0), 15), 0);
  assert.deepEqual(process.signals, [15]);
  assert.equal(sys.reap(), 0);
  assert.equal(sys.kill(-1, 9), 0);
  assert.deepEqual(
    [sys.reap(), sys.reap()],
    [pid, other].map((one) => (one ?? 0) * 65536 + 9),
  );
});

test("nextIncarnation() keeps pipes and the journal, and closes the rest", () => {
  const sys = new FakeSys();
  const journal = sys.memfd();
  const [read, write] = sys.pipe();
  const epoll = sys.epollCreate();
  sys.write(write, "kept");
  sys.setJournal(journal, true);
  sys.nextIncarnation();
  assert.equal(sys.resumeFd, journal);
  assert.equal(sys.read(read, 10), "kept");
  assert.equal(sys.close(epoll), -9);
});

test("links are followed where Linux follows them", () => {
  const sys = new FakeSys();
  sys.put("/a/file", "text");
  sys.putLink("/a/link", "../a/file");
  sys.putLink("/a/loop", "loop");
  sys.putLink("/a/dangling", "none");
  assert.equal(sys.realpath("/a/link"), "/a/file");
  assert.equal(sys.readlink("/a/link"), "../a/file");
  assert.equal(sys.open("/a/loop", Open.Read, 0), -Errno.ELOOP);
  assert.equal(sys.open("/a/dangling", Open.Read, 0), -Errno.ENOENT);
  assert.ok(sys.open("/a/dangling", Open.Write | Open.Create, 0o644) >= 0);
  assert.equal(sys.textOf("/a/none"), "");
  assert.equal(sys.rename("/a/link", "/a/moved"), 0);
  assert.equal(sys.readlink("/a/moved"), "../a/file");
});

test("exit() throws, so that nothing runs after it", () => {
  assert.throws(
    () => new FakeSys().exit(3),
    (error) => error instanceof Exited && error.code === 3,
  );
});

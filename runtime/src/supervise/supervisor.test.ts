import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeInit } from "../fake/fake-init.ts";
import { type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import type { Sys } from "../sys.ts";

const [SIGKILL, SIGTERM, SIGCONT] = [9, 15, 18];
const ESTALE = 116;
const EACCES = 13;

function systemWith(...programs: string[]): FakeSys {
  const sys = new FakeSys();
  for (const path of ["/run", "/dev", "/etc/service"]) sys.makeDirectories(path);
  for (const program of programs) sys.putProgram(`/etc/service/${program}`);
  return sys;
}

/** The fake with other answers of some calls. */
function seen(sys: FakeSys, calls: Partial<Sys>): Sys {
  return new Proxy<Sys>(sys, {
    get(target, name) {
      const member = Reflect.get(name in calls ? calls : target, name) as unknown;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function processOf(sys: FakeSys, path: string): FakeProcess {
  const found = [...sys.processes.values()].find(({ cwd, program }) => `${cwd}${program.slice(1)}` === path);
  assert.ok(found !== undefined, `${path} runs`);
  return found;
}

test("Supervisor.start() starts every service but those with a down file, and the log beside the service", () => {
  const sys = systemWith("a/run", "b/run", "c/run", "c/log/run");
  sys.put("/etc/service/b/down");
  const init = new FakeInit(sys);
  init.supervisor.start();
  assert.deepEqual(init.running, ["/etc/service/a/run", "/etc/service/c/log/run", "/etc/service/c/run"]);
});

test("Supervisor.rescan() starts what is new and ends what is gone", () => {
  const sys = systemWith();
  sys.putProgram("/etc/sv/a/run");
  sys.putLink("/etc/service/a", "/etc/sv/a");
  const init = new FakeInit(sys);
  init.supervisor.start();
  sys.putProgram("/etc/service/b/run");
  init.supervisor.rescan();
  assert.deepEqual(init.running, ["/etc/service/a/run", "/etc/service/b/run"]);
  sys.unlink("/etc/service/a");
  init.supervisor.rescan();
  init.pass(100);
  assert.deepEqual(init.running, ["/etc/service/b/run"]);
});

test("Supervisor.rescan() leaves a service alone whose directory cannot be seen for a while, and looks again", () => {
  const sys = systemWith("a/run");
  sys.putProgram("/etc/sv/b/run");
  sys.putLink("/etc/service/b", "/etc/sv/b");
  let errno = 0;
  const flaky = (path: string) =>
    errno > 0 && ["/etc/service/a", "/etc/service/b"].includes(path) ? -errno : sys.stat(path);
  const init = new FakeInit(sys, seen(sys, { stat: flaky }));
  init.supervisor.start();
  for (const transient of [ESTALE, 5, 12, EACCES]) {
    errno = transient;
    init.supervisor.rescan();
    init.pass(5000);
    assert.deepEqual(init.running, ["/etc/service/a/run", "/etc/service/b/run"]);
  }
  sys.unlink("/etc/service/b");
  errno = 0;
  // Nobody asks for this look.
  init.pass(70_000);
  assert.deepEqual(init.running, ["/etc/service/a/run"]);
});

test("Supervisor.start() starts a service later whose directory could not be seen at first", () => {
  const sys = systemWith("a/run");
  let failures = 2;
  const flaky = (path: string) => (path === "/etc/service/a" && failures-- > 0 ? -ESTALE : sys.stat(path));
  const init = new FakeInit(sys, seen(sys, { stat: flaky }));
  init.supervisor.start();
  assert.deepEqual(init.running, []);
  init.pass(5000);
  assert.deepEqual(init.running, ["/etc/service/a/run"]);
});

test("Supervisor.start() does the same for the whole directory", () => {
  const sys = systemWith("a/run");
  let failures = 2;
  const flaky = (path: string) => (path === "/etc/service" && failures-- > 0 ? -5 : sys.readdir(path));
  const init = new FakeInit(sys, seen(sys, { readdir: flaky }));
  init.supervisor.start();
  init.pass(5000);
  assert.deepEqual(init.running, ["/etc/service/a/run"]);
});

test("Supervisor.close() leaves the directory alone from then on", () => {
  const sys = systemWith("a/run");
  const init = new FakeInit(sys);
  init.supervisor.close();
  init.supervisor.rescan();
  assert.deepEqual(init.running, []);
});

test("Supervisor.end() resolves once every run has ended, and the logs after them", async () => {
  const sys = systemWith("a/run", "a/log/run", "b/run");
  const init = new FakeInit(sys);
  init.supervisor.start();
  const log = processOf(sys, "/etc/service/a/log/run");
  processOf(sys, "/etc/service/a/run").onSignal = () => {};
  const ended: string[] = [];
  const { mains, all } = init.supervisor.end((name) => ended.push(name));
  init.pass(100);
  assert.deepEqual([ended, init.supervisor.living()], [["b"], ["a"]]);
  init.supervisor.kill();
  init.pass(100);
  await mains;
  assert.deepEqual([ended, log.signals], [["b", "a"], [SIGKILL]]);
  await all;
});

test("Service starts no run after control/u once the service is to end, however control/u ended", async () => {
  for (const stubborn of [false, true]) {
    const sys = systemWith("a/run", "a/control/u");
    const init = new FakeInit(sys);
    init.supervisor.start();
    const script = processOf(sys, "/etc/service/a/control/u");
    if (stubborn) script.onSignal = () => {};
    const { mains } = init.supervisor.end(() => {});
    assert.deepEqual(script.signals.slice(0, 1), [SIGTERM]);
    init.pass(1000);
    assert.deepEqual(init.supervisor.living(), stubborn ? ["a"] : []);
    init.supervisor.kill();
    init.pass(1000);
    await mains;
    assert.deepEqual(
      sys.spawned.map(({ program }) => program),
      ["./control/u"],
    );
  }
});

test("Service.hurry() sends TERM to a finish that stays, and to nothing else", () => {
  const sys = systemWith("a/run", "a/finish", "b/run");
  const init = new FakeInit(sys);
  init.supervisor.start();
  sys.end(processOf(sys, "/etc/service/a/run"), 0);
  init.pass(10);
  const finish = processOf(sys, "/etc/service/a/finish");
  assert.deepEqual(init.supervisor.hurry(), ["a"]);
  assert.deepEqual(finish.signals, [SIGTERM]);
  assert.deepEqual(processOf(sys, "/etc/service/b/run").signals, []);
});

test("Service gives the output of control scripts to its log", () => {
  const sys = systemWith("a/run", "a/log/run", "a/control/u", "a/control/t");
  const init = new FakeInit(sys);
  init.supervisor.start();
  const prepare = processOf(sys, "/etc/service/a/control/u");
  sys.end(prepare, 0);
  init.pass(10);
  const run = processOf(sys, "/etc/service/a/run");
  init.supervisor.find("a")?.process.dispatch({ kind: "signal", signal: SIGTERM, letter: "t" });
  const term = processOf(sys, "/etc/service/a/control/t");
  for (const script of [prepare, term]) assert.equal(script.stdio[1], run.stdio[1]);
  assert.notEqual(run.stdio[1], processOf(sys, "/etc/service/a/log/run").stdio[1]);
});

test("ServiceProcess sends the signal itself when its control script fails, and not when it succeeds", () => {
  const sys = systemWith("a/run", "a/control/h");
  const init = new FakeInit(sys);
  init.supervisor.start();
  const run = processOf(sys, "/etc/service/a/run");
  run.onSignal = () => {};
  for (const [status, signals] of [
    [0, []],
    [1 << 8, [1]],
  ] as const) {
    init.supervisor.find("a")?.process.dispatch({ kind: "signal", signal: 1, letter: "h" });
    sys.end(processOf(sys, "/etc/service/a/control/h"), status);
    init.pass(10);
    assert.deepEqual(run.signals, signals);
  }
});

test("ServiceProcess starts a service again whatever the fraction of a millisecond at which its delay ends", () => {
  for (let round = 0; round < 10; round++) {
    const sys = systemWith("a/run");
    sys.clock = 1000 + round / 10;
    let starts = 0;
    sys.programs.set("./run", (process) => {
      starts++;
      sys.end(process, 256);
    });
    const init = new FakeInit(sys);
    Object.assign(init.context, { backoff: { firstMs: 1234.5, maxMs: 60_000, resetAfterMs: 60_000 } });
    init.supervisor.start();
    init.pass(20_000);
    assert.ok(starts >= 4, `${starts} starts from ${sys.clock}`);
  }
});

test("ServiceProcess runs a service of the init's own user without privileges, and says what it takes for another", () => {
  const sys = systemWith("own/run", "other/run");
  sys.put("/etc/passwd", "app:x:1000:1000::/home/app:/bin/sh\nweb:x:33:33::/:/bin/sh\n");
  sys.put("/etc/group", "app:x:1000:\nadm:x:4:app\n");
  sys.put("/etc/service/own/user", "app\n");
  sys.put("/etc/service/other/user", "web\n");
  sys.uid = 1000;
  const init = new FakeInit(sys);
  init.supervisor.start();
  assert.deepEqual(init.running, ["/etc/service/own/run"]);
  assert.match(
    init.messages.join("\n"),
    /cannot start service other: \/etc\/service\/other\/run: cannot set its groups: .*; it takes root with the capability SETGID; next try/,
  );
});

test("Supervisor.takeOver() leaves running services alone and starts nothing twice", () => {
  const sys = systemWith("a/run", "a/control/u", "b/run", "c/run", "c/log/run");
  new FakeInit(sys).supervisor.start();
  const before = sys.spawned.length;
  sys.nextIncarnation();
  const init = new FakeInit(sys);
  init.supervisor.start();
  init.pass(100);
  assert.equal(sys.spawned.length, before);
  sys.end(processOf(sys, "/etc/service/a/control/u"), 0);
  init.pass(100);
  assert.equal(init.running.filter((path) => path === "/etc/service/a/run").length, 1);
  assert.deepEqual(processOf(sys, "/etc/service/b/run").signals.includes(SIGCONT), false);
});

test("LeftBehind names what services leave, with one scan of /proc for all that ended, in slices", () => {
  const SERVICES = 300;
  const sys = systemWith(...Array.from({ length: SERVICES }, (_, i) => `s${i}/run`));
  const reads: number[] = [];
  let scans = 0;
  let looks = 0;
  const counting = seen(sys, {
    readdir: (path) => {
      if (path === "/proc") scans++;
      return sys.readdir(path);
    },
    open: (path, flags, mode) => {
      if (path.startsWith("/proc/")) reads.push((reads.pop() ?? 0) + 1);
      return sys.open(path, flags, mode);
    },
    // A clock goes on while the init works.
    now: () => sys.clock + looks++ / 1e6,
    epollWait: (...args) => {
      reads.push(0);
      return sys.epollWait(...args);
    },
  });
  const init = new FakeInit(sys, counting);
  init.supervisor.start();
  for (const run of [...sys.processes.values()]) {
    const left = sys.adopt(run.pid);
    sys.put(`/proc/${left.pid}/stat`, `${left.pid} (a (b) c) S 1 ${run.pid} ${run.pid} 0`);
    sys.end(run, 0);
  }
  init.pass(900);
  reads.length = 0;
  reads.push(0);
  init.pass(2000);
  assert.equal(init.messages.filter((text) => text.includes("has ended but left a (b) c (PID ")).length, SERVICES);
  assert.equal(scans, 1);
  assert.ok(Math.max(...reads) <= 100, `${Math.max(...reads)} processes in one turn`);
});

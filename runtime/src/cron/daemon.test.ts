import assert from "node:assert/strict";
import { test } from "node:test";
import { Exited, FakeSys } from "../fake/sys-fake.ts";
import { Open } from "../sys.ts";
import { Daemon } from "./daemon.ts";

const MINUTE_MS = 60_000;
const SIGHUP = 1;
const SIGTERM = 15;
const EAGAIN = 11;
const EINVAL = 22;
const EMFILE = 24;
const START_MS = Date.parse("2026-06-01T09:59:30Z");

/** cron on a kernel whose wall clock can be set. */
class Stage {
  readonly sys = new FakeSys();
  /** `10:00 a`: when which job ran, by the wall clock. */
  readonly ran: string[] = [];
  readonly #log = this.sys.memfd();
  #daemon: Daemon;
  /** Turns of the event loop. */
  turns = 0;

  /** @param schedules the jobs, named a, b, c … @param prepare changes the kernel before cron starts */
  constructor(schedules: readonly string[], prepare: (sys: FakeSys) => void = () => undefined) {
    const { sys } = this;
    for (const fd of [1, 2]) sys.dup2(this.#log, fd);
    sys.setTime(START_MS);
    sys.put("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n");
    this.table(schedules);
    sys.makeDirectories("/run");
    sys.putProgram("/bin/sh", (process) => {
      this.ran.push(`${new Date(sys.time()).toISOString().slice(11, 16)} ${process.argv[2]}`);
      sys.end(process, 0);
    });
    prepare(sys);
    this.#daemon = new Daemon(sys);
  }

  table(schedules: readonly string[]): void {
    const lines = schedules.map((when, index) => `${when} root ${String.fromCharCode(97 + index)}\n`);
    this.sys.put("/etc/crontab", lines.join(""));
  }

  /** Lets time pass. */
  pass(minutes: number): void {
    let over = false;
    this.sys.after(minutes * MINUTE_MS, () => {
      over = true;
      this.sys.raise(28);
    });
    while (!over) {
      this.#daemon.loop.tick();
      this.turns++;
    }
  }

  /** Somebody sets the wall clock. */
  set(minutes: number): void {
    this.sys.setTime(this.sys.time() + minutes * MINUTE_MS);
  }

  /** cron crashes and starts itself again. */
  crash(): void {
    this.sys.nextIncarnation();
    for (const fd of [1, 2]) this.sys.dup2(this.#log, fd);
    this.#daemon = new Daemon(this.sys);
  }

  /** The lines of the log that hold this. */
  said(part: string): string[] {
    const text = String(this.sys.pread(this.#log, 65_536, 0));
    return text.split("\n").filter((line) => line.includes(part));
  }

  /** What ran since it was asked last. */
  taken(): string[] {
    return this.ran.splice(0);
  }
}

test("Daemon runs jobs when their minute begins, and sleeps in between", () => {
  const stage = new Stage(["*/20 * * * *", "5 10 * * *", "0 0 1 1 *"]);
  stage.pass(61);
  assert.deepEqual(stage.taken(), ["10:00 a", "10:05 b", "10:20 a", "10:40 a", "11:00 a"]);
  const idle = new Stage(["0 0 1 1 *"]);
  idle.pass(1);
  idle.turns = 0;
  idle.pass(7 * 1440);
  assert.equal(idle.turns, 1, "a week without a job is one sleep");
});

test("Daemon makes up for fixed times at once when the clock is set forward, each once, and tells what it leaves out", () => {
  const stage = new Stage(["0,30 10 * * *", "0 11 * * *", "*/15 * * * *", "0 13 * * *"]);
  stage.pass(0.1);
  stage.set(120);
  stage.pass(0.1);
  assert.deepEqual(stage.taken(), ["11:59 a", "11:59 b"]);
  assert.deepEqual(stage.said("the clock"), ["cron: the clock was set forward by 120 minutes"]);
  assert.deepEqual(stage.said("left out"), ["cron[crontab:3]: left out: its time was 119 minutes ago"]);
  stage.pass(62);
  assert.deepEqual(stage.taken(), ["12:00 c", "12:15 c", "12:30 c", "12:45 c", "13:00 c", "13:00 d"]);
});

test("Daemon does not repeat fixed times when the clock is set back, and lets the others follow it", () => {
  const stage = new Stage(["30 10 * * *", "0 11 * * *", "*/30 * * * *", "15 11 * * *"]);
  stage.pass(62);
  assert.deepEqual(stage.taken(), ["10:00 c", "10:30 a", "10:30 c", "11:00 b", "11:00 c"]);
  stage.set(-60);
  stage.pass(76);
  assert.deepEqual(stage.taken(), ["10:30 c", "11:00 c", "11:15 d"]);
  assert.deepEqual(stage.said("the clock"), ["cron: the clock was set back by 60 minutes"]);
});

test("Daemon takes more than three hours for a correction, in both directions", () => {
  const stage = new Stage(["0 11 * * *", "0 15 * * *"]);
  stage.pass(0.1);
  stage.set(240);
  stage.pass(62);
  assert.deepEqual(stage.taken(), ["15:00 b"]);
  stage.set(-360);
  stage.pass(361);
  assert.deepEqual(stage.taken(), ["11:00 a", "15:00 b"]);
  assert.deepEqual(stage.said("left out"), []);
});

test("Daemon ignores steps of seconds, as time servers make them", () => {
  const stage = new Stage(["0 10 * * *", "*/10 * * * *"]);
  for (const seconds of [20, -10, 15, -20, -5]) {
    stage.set(seconds / 60);
    stage.pass(0.05);
  }
  stage.pass(11);
  assert.deepEqual(stage.taken(), ["10:00 a", "10:00 b", "10:10 b"]);
  assert.deepEqual(stage.said("the clock"), []);
});

test("Daemon notices a clock that is set while it reads the tables, and one that is set again after that", () => {
  const stage = new Stage(["0 11 * * *"]);
  stage.pass(0.1);
  stage.set(30);
  stage.table(["0 11 * * *", "0 12 * * *"]);
  stage.sys.raise(SIGHUP);
  stage.pass(0.1);
  stage.set(60);
  stage.pass(0.1);
  stage.set(60);
  stage.pass(0.1);
  assert.deepEqual(stage.taken(), ["11:29 a", "12:29 b"]);
});

test("Daemon notices a clock that is set in the moment in which it sets its timer", () => {
  let between = (): void => undefined;
  const stage = new Stage(["0 9 * * *", "*/10 * * * *"], (sys) => {
    const set = sys.timerfdSet.bind(sys);
    sys.timerfdSet = (...args) => {
      between();
      return set(...args);
    };
  });
  between = () => {
    between = () => undefined;
    stage.set(-35);
  };
  stage.pass(1);
  assert.deepEqual(stage.taken(), ["10:00 b"]);
  stage.pass(26);
  assert.deepEqual(stage.taken(), ["09:30 b", "09:40 b", "09:50 b"]);
});

test("Daemon looks at the clock once a minute where no timer can tell of a change", () => {
  const stage = new Stage(["0 12 * * *"], (sys) => {
    sys.timerfdSet = () => -EINVAL;
  });
  stage.pass(1);
  for (let count = 0; count < 5; count++) {
    stage.sys.raise(SIGHUP);
    stage.pass(0.01);
  }
  stage.set(121);
  stage.turns = 0;
  stage.pass(10);
  assert.deepEqual(stage.taken(), ["12:02 a"]);
  assert.ok(stage.turns < 20, `${stage.turns} turns in 10 minutes`);
});

test("Daemon says once that it has not the zone that was asked for, or that a % cuts a command, and refusals again on HUP", () => {
  const stage = new Stage(["0 12 * * *", "0 12 * * *"], (sys) => {
    sys.environ = "TZ=Mars/Base";
    sys.put("/etc/cron.d/stamp", '0 12 * * * root date "+%F"\n0 12 * * * root cat%+1\n61 * * * * root x\n');
  });
  const others = [
    'cannot use TZ: there is no time zone "Mars/Base"',
    "/etc/cron.d/stamp:1: the command ends at its first %",
  ];
  const times = (): number[] => ["cannot use /etc/cron.d/stamp:3:1", ...others].map((part) => stage.said(part).length);
  assert.deepEqual(times(), [1, 1, 1]);
  assert.deepEqual(stage.said("jobs in"), ["cron: 4 jobs in 2 files, 1 refused"]);
  assert.equal(stage.said("ends at its first %").length, 1);
  stage.table(["0 12 * * *"]);
  stage.pass(1);
  assert.deepEqual(times(), [1, 1, 1]);
  stage.sys.raise(SIGHUP);
  stage.pass(1);
  assert.deepEqual(times(), [2, 2, 2]);
});

test("Daemon that crashes makes up for what was due meanwhile, and repeats nothing", () => {
  const stage = new Stage(["0 10 * * *", "2 10 * * *", "* * * * *"]);
  stage.pass(1);
  assert.deepEqual(stage.taken(), ["10:00 a", "10:00 c"]);
  stage.sys.clock += 2 * MINUTE_MS;
  stage.crash();
  stage.pass(0.4);
  assert.deepEqual(stage.taken(), ["10:02 b", "10:02 c"]);
});

test("Daemon keeps its jobs while descriptors are short, says so once, and reads the tables again in a minute", () => {
  /** Calls that need a descriptor, for this path. */
  const shortFor = (sys: FakeSys, path: string): (() => void) => {
    const { open, readdir, watchDirectory } = sys;
    sys.open = (at, ...rest) => (at === path ? -EMFILE : open.call(sys, at, ...rest));
    sys.readdir = (at) => (at === path ? -EMFILE : readdir.call(sys, at));
    sys.watchDirectory = (at) => (at === path ? -EMFILE : watchDirectory.call(sys, at));
    return () => Object.assign(sys, { open, readdir, watchDirectory });
  };
  for (const path of ["/etc/crontab", "/etc/group", "/etc/cron.d", "/var/spool/cron", "/etc/cron.daily"]) {
    const stage = new Stage(["*/2 * * * *"], (sys) => sys.put("/etc/cron.daily/.placeholder"));
    stage.pass(1);
    const enough = shortFor(stage.sys, path);
    stage.table(["* * * * *"]);
    stage.pass(3.8);
    stage.sys.raise(SIGHUP);
    stage.pass(0.1);
    assert.deepEqual(stage.taken(), ["10:00 a", "10:02 a", "10:04 a"], path);
    const [said, ...more] = stage.said("cannot");
    assert.match(
      said ?? "",
      new RegExp(`^cron: cannot read ${path}: .*; the jobs stay as they were, next try in a minute$`),
    );
    assert.deepEqual(more, []);
    enough();
    stage.pass(2);
    assert.deepEqual(stage.taken(), ["10:05 a", "10:06 a"], path);
    shortFor(stage.sys, path);
    stage.sys.raise(SIGHUP);
    stage.pass(0.1);
    assert.equal(stage.said("cannot").length, 2);

    const late = new Stage(["@reboot", "* * * * *"], (sys) => {
      sys.after(1.2 * MINUTE_MS, shortFor(sys, path));
    });
    late.pass(2.8);
    late.sys.raise(SIGHUP);
    late.pass(0.1);
    // What was due before the tables could be read is made up for.
    assert.deepEqual(late.taken(), ["10:01 a", "10:01 b", "10:02 b"], path);
  }
});

test("Daemon without root runs what is its own user's, counts what is others', and names mistakes", () => {
  const stage = new Stage([], (sys) => {
    sys.uid = 1000;
    sys.put("/etc/passwd", "root:x:0:0:root:/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
    sys.put(
      "/etc/crontab",
      "25 6 * * * root cd / && run-parts --report /etc/cron.daily\n* * * * * root a\n* * * * * app b\n",
    );
    sys.put("/etc/cron.daily/one", "#!/bin/sh\n", 0o755);
    sys.put("/etc/cron.daily/two", "#!/bin/sh\n", 0o755);
    sys.put("/etc/cron.daily/plain", "#!/bin/sh\n");
    sys.put("/etc/cron.d/other", "* * * * * nobody c\n61 * * * * root d\n");
  });
  stage.pass(1);
  assert.deepEqual(stage.taken(), ["10:00 b"]);
  assert.deepEqual(stage.said("cannot use"), [
    'cron: cannot use /etc/cron.d/other:2:1: the minute is 0 to 59, not "61"',
    'cron: cannot use /etc/cron.d/other:1: there is no user "nobody" in /etc/passwd; in this file the user stands between the times and the command',
    "cron: cannot use /etc/cron.daily/plain: it is not executable: chmod +x /etc/cron.daily/plain",
  ]);
  assert.deepEqual(stage.said(" in 1 file"), [
    "cron: 1 job in 1 file, 3 refused, 3 of others left out: cron without root runs only what is uid 1000's",
  ]);
});

test("Daemon leaves out a run while the one before goes on, and says so, unless CRON_OVERLAP asks for it", () => {
  const stage = new Stage([], (sys) => {
    sys.put("/etc/crontab", "* * * * * root a\nCRON_OVERLAP=yes\n* * * * * root b\n");
    sys.programs.set("/bin/sh", () => undefined);
  });
  stage.pass(2);
  const [first, ...more] = stage.sys.spawned.map(({ pid, argv }) => ({ pid, command: argv[2] }));
  assert.deepEqual([first?.command, ...more.map(({ command }) => command)], ["a", "b", "b"]);
  const reason = `the run before still goes on (pid ${first?.pid}, for 60 s)`;
  assert.deepEqual(stage.said("left out"), [`cron[crontab:1]: left out: ${reason}`]);
});

test("Daemon writes down how jobs stand: failures in a row, and whether they count against the container's health", () => {
  const stage = new Stage([], (sys) => {
    sys.put("/etc/crontab", "*/2 * * * * root a\nCRON_HEALTH=yes\n* * * * * root b\n");
    sys.programs.set("/bin/sh", (process) => sys.end(process, process.argv[2] === "b" ? 3 << 8 : 0));
  });
  stage.pass(2);
  const stands = stage.sys
    .textOf("/run/cron/status")
    .split("\n")
    .map((line) => line.split("\t"));
  const [a, b] = stands.map(([name, , , , pid, , , result, failures, health]) => [name, pid, result, failures, health]);
  assert.deepEqual(a, ["crontab:1", "0", "ok", "0", "0"]);
  assert.deepEqual(b, ["crontab:3", "0", "exit 3", "2", "1"]);
});

test("Daemon waits while another cron runs, touches nothing of it, and begins when that has ended", () => {
  const stage = new Stage(["@reboot", "* * * * *"], (sys) => {
    sys.put("/run/crond.pid", "77\n");
    sys.put("/proc/77/comm", "cron\n");
    sys.flock = () => -EAGAIN;
  });
  stage.sys.raise(SIGHUP);
  stage.pass(3.5);
  assert.deepEqual(stage.taken(), []);
  assert.deepEqual(stage.said("another"), ["cron: another cron runs (pid 77): this one waits until that has ended"]);
  assert.deepEqual(stage.sys.readdir("/run/cron"), []);
  stage.sys.flock = () => 0;
  stage.pass(1);
  assert.deepEqual(stage.taken(), ["10:03 a", "10:04 b"]);
  assert.match(stage.sys.textOf("/run/crond.pid"), /^1\n0-0\n$/);
});

test("Daemon does not wait for the cron of another container that shares /run, ours or Debian's", () => {
  for (const text of ["77\n", "77\n1f2e3d4c-4026532201\n"]) {
    const stage = new Stage(["* * * * *"], (sys) => {
      sys.put("/run/crond.pid", text);
      // A process of this container that has the number by chance.
      sys.put("/proc/77/comm", text === "77\n" ? "sleep\n" : "cron\n");
      sys.flock = () => -EAGAIN;
    });
    stage.pass(1);
    assert.deepEqual([stage.taken(), stage.said("another")], [["10:00 a"], []], text);
    assert.equal(stage.sys.textOf("/run/crond.pid"), text);
  }
});

test("Daemon follows no link in the place of its pid file", () => {
  const stage = new Stage(["* * * * *"], (sys) => {
    sys.put("/etc/shadow", "root:*:\n");
    sys.putLink("/run/crond.pid", "/etc/shadow");
  });
  stage.pass(1);
  assert.deepEqual(stage.taken(), ["10:00 a"]);
  assert.equal(stage.sys.textOf("/etc/shadow"), "root:*:\n");
  assert.match(stage.sys.textOf("/run/crond.pid"), /^1\n/);
});

test("Daemon that waits for another cron ends at once", () => {
  const stage = new Stage([], (sys) => {
    sys.put("/run/crond.pid", "77\n");
    sys.put("/proc/77/comm", "cron\n");
    sys.flock = () => -EAGAIN;
  });
  const codes: number[] = [];
  stage.sys.exit = (code) => {
    codes.push(code);
    throw new Exited(code);
  };
  stage.sys.raise(SIGTERM);
  stage.pass(0.1);
  assert.deepEqual(codes, [0]);
});

test("Daemon looks each minute at tables on mounts of their own, before it runs jobs, and at no others", () => {
  const edit = (stage: Stage, text: string): void => {
    const fd = stage.sys.open("/etc/crontab", Open.Write | Open.Truncate, 0);
    stage.sys.write(fd, text);
    stage.sys.close(fd);
  };
  for (const point of ["/etc/crontab", "/etc"]) {
    const stage = new Stage(["0 0 1 1 *"], (sys) => {
      sys.put("/proc/self/mountinfo", `1 0 0:1 / / rw - x y z\n2 1 0:2 / ${point} rw - x y z\n`);
    });
    stage.pass(2);
    edit(stage, "2 10 * * * root edited\n");
    stage.pass(2);
    assert.deepEqual(stage.taken(), ["10:02 edited"], point);
  }
  const other = new Stage(["0 0 1 1 *"], (sys) => {
    sys.put("/proc/self/mountinfo", "1 0 0:1 / / rw - x y z\n2 1 0:2 / /etc/hosts rw - x y z\n");
  });
  other.pass(2);
  edit(other, "2 10 * * * root edited\n");
  other.turns = 0;
  other.pass(600);
  assert.deepEqual([other.taken(), other.turns], [[], 1]);
});

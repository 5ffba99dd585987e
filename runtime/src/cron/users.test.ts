import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import { Daemon } from "./daemon.ts";
import { MAX_RUNS_OF_ONE } from "./shares.ts";

const START_MS = Date.parse("2026-06-01T09:59:59Z");
const PASSWD = "root:x:0:0:root:/:/bin/sh\neve:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";

/** cron with these tables, between users. */
class Stage {
  readonly sys = new FakeSys();
  readonly out = this.sys.memfd();
  readonly error = this.sys.memfd();
  daemon: Daemon;

  /** @param tables users' by name, others by path */
  constructor(tables: Readonly<Record<string, string>>, prepare: (sys: FakeSys) => void = () => undefined) {
    const { sys } = this;
    sys.dup2(this.out, 1);
    sys.dup2(this.error, 2);
    sys.setTime(START_MS);
    sys.put("/etc/passwd", PASSWD);
    sys.put("/etc/group", "docker_env:x:8377:bob\n");
    for (const directory of ["/run", "/var"]) sys.makeDirectories(directory);
    sys.putProgram("/bin/sh");
    for (const [name, text] of Object.entries(tables))
      sys.put(name.startsWith("/") ? name : `/var/spool/cron/crontabs/${name}`, text, 0o600);
    prepare(sys);
    this.daemon = new Daemon(sys);
  }

  pass(seconds: number): void {
    let over = false;
    this.sys.after(seconds * 1000, () => {
      over = true;
      this.sys.raise(28);
    });
    while (!over) this.daemon.loop.tick();
  }

  crash(): void {
    this.sys.nextIncarnation();
    this.daemon = new Daemon(this.sys);
  }

  said(fd: number): string {
    return String(this.sys.pread(fd, 65_536, 0));
  }

  /** Asks as a user; the whole answer. */
  ask(uid: number, request: string): string {
    const fd = this.sys.unixConnect("/run/cron/socket");
    this.sys.uid = uid;
    this.daemon.loop.tick();
    this.sys.uid = 0;
    this.sys.write(fd, request);
    this.pass(1);
    const answer = this.sys.read(fd, 65_536);
    this.sys.close(fd);
    this.pass(0);
    return String(answer);
  }

  /** `eve x`: what was started as whom. */
  get started(): string[] {
    return this.sys.spawned.map((process) => `${nameOf(process)} ${process.argv[2] ?? process.program}`);
  }
}

function nameOf({ ids }: FakeProcess): string {
  const line = PASSWD.split("\n").find((text) => text.split(":")[2] === `${ids?.[0] ?? 0}`);
  return line?.split(":")[0] ?? `${ids?.[0]}`;
}

test("Daemon gives the container's environment to root's tables and members of docker_env, and a clean one to others", () => {
  const stage = new Stage(
    {
      "/etc/cron.d/app": "* * * * * eve system\n",
      root: "* * * * * roots\n",
      eve: "A=1\n* * * * * eves\n",
      bob: "* * * * * bobs\n",
    },
    (sys) => {
      sys.environ = "SECRET=s3cret\0PATH=/opt/bin";
    },
  );
  stage.pass(2);
  const environments = Object.fromEntries(stage.sys.spawned.map(({ argv, env }) => [argv[2], env]));
  for (const name of ["system", "roots", "bobs"]) assert.ok(environments[name]?.includes("SECRET=s3cret"), name);
  assert.deepEqual(environments.eves, [
    "PATH=/usr/bin:/bin",
    "SHELL=/bin/sh",
    "HOME=/",
    "A=1",
    "LOGNAME=eve",
    "USER=eve",
  ]);
});

test("Daemon starts root's jobs and other users' while one user's jobs take their whole share, and lets the others of that user wait", () => {
  const lines = Array.from({ length: 1000 }, (_, index) => `* * * * * sleep${index}\n`);
  const stage = new Stage({
    eve: lines.join(""),
    bob: "* * * * * bobs\n",
    "/etc/cron.d/roots": "* * * * * root roots\n",
  });
  stage.pass(2);
  const counts = () => {
    const users = stage.started.map((run) => run.split(" ")[0]);
    return ["root", "bob", "eve"].map((user) => users.filter((name) => name === user).length);
  };
  assert.equal(stage.started[0], "root roots");
  assert.deepEqual(counts(), [1, 1, MAX_RUNS_OF_ONE]);
  for (const process of [...stage.sys.processes.values()].slice(-10)) stage.sys.end(process, 0);
  stage.pass(1);
  assert.deepEqual(counts(), [1, 1, MAX_RUNS_OF_ONE + 10]);
  // A restart keeps who waits, and who runs.
  stage.crash();
  stage.pass(1);
  assert.deepEqual(counts(), [1, 1, MAX_RUNS_OF_ONE + 10]);
  stage.pass(60);
  assert.match(stage.said(stage.out), /cron\[eve:900\]: left out: the start before still waits for its turn/);
});

test("Daemon uses 1,000 lines of a user's table, all of root's, and says so; crontab refuses more", () => {
  const lines = "# comment\n\n* * * * * x\n".repeat(1001);
  const stage = new Stage({ eve: lines, root: lines });
  assert.match(
    stage.said(stage.error),
    /cannot use \S+\/eve:3003:1: not run, with all below it: a user's table has 1000 lines at most/,
  );
  assert.match(stage.said(stage.error), /cron: 2001 jobs in 2 files, 1 refused/);
  assert.match(stage.ask(1001, `put ${lines.length} bob\n${lines}`), /^flaws 1\n3003:1: not run/);
});

test("Daemon takes no name of a user's job for root's, and finds a user's own without the user's name", () => {
  const stage = new Stage(
    { eve: "CRON_NAME=daily/backup\n0 0 1 1 * evil\n", "/etc/crontab": "CRON_NAME=x\n0 0 1 1 * root x\n" },
    (sys) => {
      sys.put("/etc/cron.d/daily", "0 0 1 1 * root cd / && run-parts --report /etc/cron.daily\n");
      const ends = (process: FakeProcess) => sys.end(process, 0);
      sys.putProgram("/etc/cron.daily/backup", ends);
      sys.putProgram("/bin/sh", ends);
    },
  );
  stage.ask(0, "run daily/backup\n");
  assert.deepEqual(stage.started, ["root /etc/cron.daily/backup"]);
  stage.ask(1000, "run daily/backup\n");
  assert.deepEqual(stage.started.slice(1), ["eve evil"]);
  assert.match(stage.ask(1000, "run x\n"), /^error there is no job "x"/);
});

test("Daemon takes no user's name for the number of another", () => {
  const passwd = `${PASSWD}1000:x:0:0::/:/bin/sh\n`;
  const stage = new Stage({}, (sys) => sys.put("/etc/passwd", passwd));
  const table = "* * * * * evil\n";
  assert.match(stage.ask(1000, `put ${table.length} 1000\n${table}`), /^error only root may do that for another user/);
  assert.equal(stage.ask(1000, `put ${table.length} eve\n${table}`), "ok\n");
});

test("Daemon keeps its socket over restarts in place, and the clients that wait in it", () => {
  const stage = new Stage({ eve: "* * * * * x\n" });
  let bound = 0;
  const { unixBind } = stage.sys;
  stage.sys.unixBind = (path) => {
    bound++;
    return unixBind.call(stage.sys, path);
  };
  stage.pass(1);
  for (let count = 0; count < 3; count++) stage.crash();
  assert.match(stage.ask(0, "list\n"), /^ok 1\neve\t/);
  assert.equal(bound, 0);
  // Somebody took it away.
  stage.sys.unlink("/run/cron/socket");
  stage.crash();
  assert.match(stage.ask(0, "list\n"), /^ok 1\neve\t/);
  assert.equal(bound, 1);
});

test("Daemon tells a client that there are too many, instead of closing the connection", () => {
  const stage = new Stage({});
  const connections = Array.from({ length: 6 }, () => stage.sys.unixConnect("/run/cron/socket"));
  stage.sys.uid = 1000;
  for (const _ of connections) stage.daemon.loop.tick();
  stage.sys.uid = 0;
  stage.pass(0.1);
  const answers = connections.slice(4).map((fd) => stage.sys.read(fd, 100));
  assert.deepEqual(answers, Array(2).fill("error too many connections\n"));
  // Root is never among those.
  assert.equal(stage.ask(0, "list\n"), "ok 0\n");
});

test("Daemon waits for descriptors where none is left for a client", () => {
  const stage = new Stage({});
  const { accept } = stage.sys;
  let tries = 0;
  stage.sys.accept = () => {
    tries++;
    return -24;
  };
  const fd = stage.sys.unixConnect("/run/cron/socket");
  stage.pass(3);
  assert.ok(tries < 10, `${tries} tries`);
  stage.sys.accept = accept;
  stage.sys.write(fd, "list\n");
  stage.pass(2);
  assert.equal(stage.sys.read(fd, 100), "ok 0\n");
});

test("Daemon says nothing of itself on standard output, and with --quiet nothing at all at the start unless something is wrong", () => {
  const cases = [
    ["/sbin/my_init\0", "* * * * * root x\n", "cron: 1 job in 1 file\n"],
    ["/sbin/my_init\0--quiet\0--\0app\0", "* * * * * root x\n", ""],
    ["/sbin/my_init\0--\0app\0--quiet\0", "* * * * * root x\n", "cron: 1 job in 1 file\n"],
  ] as const;
  for (const [cmdline, table, expected] of cases) {
    const stage = new Stage({ "/etc/crontab": table }, (sys) => sys.put("/proc/1/cmdline", cmdline));
    assert.deepEqual([stage.said(stage.out), stage.said(stage.error)], ["", expected], cmdline);
  }
  const wrong = new Stage({ "/etc/crontab": "61 * * * * root x\n" }, (sys) =>
    sys.put("/proc/1/cmdline", "/sbin/my_init\0--quiet\0"),
  );
  assert.match(wrong.said(wrong.error), /^cron: cannot use .*\ncron: 0 jobs in 0 files, 1 refused\n$/);
});

test("Daemon steps aside where the cron of another container works with /run/cron, and does not take its socket", () => {
  const other = new Stage({});
  const { sys } = other;
  sys.put("/run/cron/container", "1f2e3d4c-4026532201\n");
  const bound = sys.unixConnect("/run/cron/socket");
  assert.ok(bound >= 0);
  const second = new Daemon(sys);
  second.loop.after(0, () => undefined);
  assert.ok(sys.unixConnect("/run/cron-0-0/socket") >= 0);
  assert.equal(sys.textOf("/run/cron/container"), "1f2e3d4c-4026532201\n");
});

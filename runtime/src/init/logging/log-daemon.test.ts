import assert from "node:assert/strict";
import test from "node:test";
import { MAX_CAPTURED } from "../../../../lib/log/capture.ts";
import { JOURNAL_SOCKET, SYSLOG_SOCKET } from "../../../../lib/log/sockets.ts";
import { Children } from "../../base/children.ts";
import { Journal } from "../../base/journal.ts";
import { Loop } from "../../base/loop.ts";
import { Messages } from "../../base/messages.ts";
import { type FakeProcess, FakeSys } from "../../fake/sys-fake.ts";
import { type Bytes, Errno, Mode } from "../../sys.ts";
import { ContainerEnvironment } from "../container-environment.ts";
import { LOG_SLOT, LogDaemon, type LogRecord, takeSocketRecords } from "./log-daemon.ts";

const [SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT, SIGSEGV] = [1, 10, 12, 17, 18, 11];
const FIRST_ARGUMENT = 5;
/** Ticks since the boot at which the container started, which is 10 s before a test begins. */
const START = `1 (my_init) ${"0 ".repeat(19)}9000 0\n`;

/** An init's side of logging on a kernel of objects; its daemons read datagrams and do what the signals of the init say. */
class World {
  readonly sys = new FakeSys();
  readonly said: Bytes[] = [];
  /** What daemons have read from sockets. */
  received: Bytes[] = [];
  log!: LogDaemon;
  #loop!: Loop;
  #children!: Children;

  /** @param lives what a daemon does once it is started */
  constructor(
    settings: Bytes | null = "",
    lives: (process: FakeProcess) => void = (process) => {
      process.onSignal = (signal) => this.obey(process, signal);
    },
  ) {
    const { sys } = this;
    sys.makeDirectories("/dev");
    sys.makeDirectories("/run");
    sys.makeDirectories("/etc/service");
    sys.put("/proc/1/stat", START);
    sys.put("/proc/uptime", "100.00 0\n");
    sys.putProgram("/proc/self/exe", lives);
    if (settings !== null) sys.put("/etc/shipshape/logd.conf", settings);
    const write = sys.write.bind(sys);
    sys.write = (fd, data) => {
      if (fd === 2) this.said.push(data);
      return write(fd, data);
    };
  }

  /** Starts the init, or starts it again in place after a crash. */
  start(variables: Record<Bytes, Bytes> = {}): this {
    const { sys } = this;
    this.#loop = new Loop(
      sys,
      (signal) => {
        if (signal !== SIGCHLD) return;
        this.#children.reap();
        this.log.childChanged();
      },
      (error) => assert.fail(error as Error),
    );
    this.#children = new Children(sys, this.#loop);
    const messages = new Messages(sys, this.#loop, false);
    const { journal, records } = Journal.open(sys);
    if (records.size === 0) for (let slot = 0; slot <= LOG_SLOT; slot++) journal.write(journal.allocate(), "{}");
    const environment = new ContainerEnvironment(sys, messages, new Map(Object.entries(variables)));
    const resumed = records.get(LOG_SLOT) as LogRecord | undefined;
    const parts = { sys, loop: this.#loop, children: this.#children, messages, journal, environment };
    this.log = new LogDaemon(parts, resumed, takeSocketRecords(records));
    this.log.start();
    return this.pass(1);
  }

  restart(): this {
    this.sys.nextIncarnation();
    return this.start();
  }

  /** Lets time pass, with all that happens in it. */
  pass(ms: number): this {
    const until = this.sys.clock + ms;
    this.sys.after(ms, () => this.sys.raise(SIGHUP));
    for (let turn = 0; this.sys.clock < until || turn < 3; turn++) {
      if (this.sys.clock >= until) this.sys.raise(SIGHUP);
      this.#loop.tick();
    }
    return this;
  }

  get daemons(): FakeProcess[] {
    return [...this.sys.processes.values()];
  }

  get daemon(): FakeProcess {
    const [daemon, ...others] = this.daemons;
    assert.ok(daemon !== undefined && others.length === 0, `${this.daemons.length} daemons run`);
    return daemon;
  }

  /** What a daemon does about a signal: it reads all that its sockets hold before it ends. */
  obey(process: FakeProcess, signal: number): void {
    if (signal !== SIGUSR1 && signal !== SIGUSR2) return;
    for (const { datagrams } of process.stdio)
      for (const { data } of datagrams?.splice(0) ?? []) this.received.push(data);
    this.sys.end(process, 0);
  }

  /** A program that has connected to a socket, as syslog(3) does. */
  sender(path = SYSLOG_SOCKET): (text: Bytes) => number {
    const fd = this.sys.unixConnectDatagram(path);
    assert.ok(fd >= 0, `cannot connect to ${path}: ${fd}`);
    return (text) => this.sys.write(fd, text);
  }

  /** Whether messages said contain this, each once. */
  says(...texts: Bytes[]): void {
    for (const text of texts)
      assert.equal(this.said.filter((line) => line.includes(text)).length, 1, `${text} in:\n${this.said.join("")}`);
  }

  inode(path: Bytes): number {
    const stat = this.sys.lstat(path);
    return typeof stat === "number" ? stat : stat.ino;
  }
}

test("LogDaemon.start() binds both sockets and starts a daemon, once over restarts in place", () => {
  const world = new World().start();
  const { pid } = world.daemon;
  world.restart().restart();
  assert.equal(world.daemon.pid, pid);
  assert.equal(world.sender()("a"), 1);
  assert.equal(world.sender(JOURNAL_SOCKET)("b"), 1);
  assert.deepEqual(world.said, []);
});

test("LogDaemon.start() does nothing without the settings file", () => {
  const world = new World(null).start();
  assert.equal(world.inode(SYSLOG_SOCKET), -Errno.ENOENT);
  assert.equal(world.log.capture("web", null), null);
  assert.deepEqual(world.daemons, []);
});

test("LogDaemon has what waits in the old socket read when the name is bound again, and refuses who still sends there", () => {
  for (const crash of [false, true]) {
    const world = new World().start();
    const send = world.sender();
    send("waits");
    world.sys.unlink(SYSLOG_SOCKET);
    if (crash) {
      // Killed before it has read: the next daemon gets the old socket too.
      world.daemon.onSignal = () => world.sys.end(world.daemon, SIGSEGV);
      world.pass(1001).pass(200);
    } else world.pass(1100);
    world.says("/dev/log was gone: it is bound again");
    assert.deepEqual(world.received, ["waits"]);
    assert.equal(send("late"), -Errno.ECONNREFUSED);
    world.sender()("new");
    void world.log.end();
    assert.deepEqual(world.received, ["waits", "new"]);
  }
});

test("LogDaemon takes nothing from a live log daemon that was there before, and leaves its sockets behind", () => {
  for (const mounted of [false, true]) {
    const world = new World();
    world.sys.makeDirectories("/run/systemd/journal");
    if (mounted) for (const directory of ["/dev", "/run/systemd/journal"]) world.sys.mount(directory);
    for (const path of [SYSLOG_SOCKET, JOURNAL_SOCKET]) world.sys.unixBindDatagram(path);
    const before = [SYSLOG_SOCKET, JOURNAL_SOCKET].map((path) => world.inode(path));
    world.start().pass(5000);
    for (const path of [SYSLOG_SOCKET, JOURNAL_SOCKET]) assert.equal(world.sender(path)("theirs"), 6);
    world.says(`${SYSLOG_SOCKET} belongs to another log daemon, which gets`, `${JOURNAL_SOCKET} belongs to another`);
    assert.ok(!world.said.join("").includes("lost"), world.said.join(""));
    void world.log.end();
    assert.deepEqual(
      [SYSLOG_SOCKET, JOURNAL_SOCKET].map((path) => world.inode(path)),
      before,
    );
  }
});

test("LogDaemon leaves /dev/log alone for good where it was another's from the start", () => {
  const world = new World();
  const theirs = world.sys.unixBindDatagram(SYSLOG_SOCKET);
  world.start();
  world.sys.close(theirs);
  world.sys.raise(SIGCHLD);
  world.pass(3000);
  assert.equal(world.sys.unixConnectDatagram(SYSLOG_SOCKET), -Errno.ECONNREFUSED);
  world.sys.unlink(SYSLOG_SOCKET);
  world.pass(3000);
  assert.equal(world.inode(SYSLOG_SOCKET), -Errno.ENOENT);
});

/** Ways to leave a dead name. */
const DEAD: Readonly<Record<string, (sys: FakeSys) => void>> = {
  socket: (sys) => void sys.close(sys.unixBindDatagram(SYSLOG_SOCKET)),
  link: (sys) => sys.putLink(SYSLOG_SOCKET, "/run/systemd/journal/dev-log"),
};

for (const [kind, leave] of Object.entries(DEAD)) {
  test(`LogDaemon replaces a dead ${kind} of the container's own, and none that was in a mounted directory before it`, () => {
    const own = new World();
    leave(own.sys);
    own.start();
    assert.equal(own.sender()("x"), 1);

    const recent = new World();
    recent.sys.mount("/dev");
    leave(recent.sys);
    recent.start();
    assert.equal(recent.sender()("x"), 1);

    for (const unknown of [false, true]) {
      const foreign = new World();
      foreign.sys.mount("/dev");
      leave(foreign.sys);
      const before = foreign.inode(SYSLOG_SOCKET);
      // The container starts later.
      foreign.sys.clock += 20_000;
      if (unknown) foreign.sys.unlink("/proc/1/stat");
      foreign.start().pass(3000);
      assert.equal(foreign.inode(SYSLOG_SOCKET), before);
      foreign.says(`cannot bind ${SYSLOG_SOCKET}: it was there before the container`);
      void foreign.log.end();
      assert.equal(foreign.inode(SYSLOG_SOCKET), before);
    }
  });
}

test("LogDaemon.end() takes away what it has bound, unless the name is another's by then", () => {
  const world = new World("LOG_SOCKETS=/chroot/log\n");
  world.sys.makeDirectories("/chroot");
  world.start();
  world.sys.unlink(JOURNAL_SOCKET);
  world.sys.unixBindDatagram(JOURNAL_SOCKET);
  void world.log.end();
  assert.deepEqual(
    [SYSLOG_SOCKET, "/chroot/log", JOURNAL_SOCKET].map((path) => world.inode(path) > 0),
    [false, false, true],
  );
});

test("LogDaemon steps aside for a log daemon that takes the name, and comes back when that has ended", () => {
  const world = new World().start();
  const send = world.sender();
  send("waits");
  world.sys.unlink(SYSLOG_SOCKET);
  let theirs = world.sys.unixBindDatagram(SYSLOG_SOCKET);
  world.pass(100);
  world.says("belongs to another log daemon now: ours steps aside");
  assert.deepEqual([world.received, world.daemons], [["waits"], []]);
  assert.equal(world.inode(JOURNAL_SOCKET), -Errno.ENOENT);
  assert.ok(send("x") < 0);
  // It restarts, then ends and leaves its socket behind.
  world.sys.unlink(SYSLOG_SOCKET);
  world.sys.close(theirs);
  theirs = world.sys.unixBindDatagram(SYSLOG_SOCKET);
  world.pass(2000);
  world.sys.close(theirs);
  world.sys.raise(SIGCHLD);
  world.pass(2000);
  world.says("was left behind by a log daemon that has ended: it is bound again");
  world.sender()("x");
  world.sender(JOURNAL_SOCKET)("y");
  void world.daemon;
});

test("LogDaemon keeps its memory in a file without a name where memfd_create is refused", () => {
  const world = new World();
  world.sys.memfd = () => -38;
  world.sys.makeDirectories("/dev/shm");
  world.start();
  assert.deepEqual(world.sys.readdir("/dev/shm"), []);
  assert.ok(world.daemon.stdio[3]?.file !== undefined);
  assert.equal(world.sender()("x"), 1);
});

test("LogDaemon binds and captures nothing, and says so, when it can have no memory at all", () => {
  const world = new World("LOG_CAPTURE=on\n");
  const open = world.sys.open.bind(world.sys);
  world.sys.memfd = () => -38;
  world.sys.open = (path, flags, mode) => ((flags & 0o200) !== 0 ? -Errno.EACCES : open(path, flags, mode));
  world.start();
  assert.equal(world.inode(SYSLOG_SOCKET), -Errno.ENOENT);
  assert.equal(world.inode(JOURNAL_SOCKET), -Errno.ENOENT);
  assert.equal(world.log.capture("web", null), null);
  world.says("there is no log daemon: its memory cannot be made");
});

test("LogDaemon closes its sockets when no daemon stays alive, and binds them again when one does", () => {
  let works = false;
  const world = new World("LOG_CAPTURE=on\n", (process) => {
    if (!works) world.sys.end(process, SIGSEGV);
  });
  world.start();
  assert.equal(world.sender()("x"), 1);
  world.pass(30_000);
  assert.equal(world.inode(SYSLOG_SOCKET), -Errno.ENOENT);
  world.says("the log daemon does not stay alive");
  assert.equal(world.log.capture("web", null), null);
  works = true;
  world.pass(10_000);
  world.says("the log daemon works again");
  assert.equal(world.sender()("x"), 1);
  assert.notEqual(world.log.capture("web", null), null);
});

test("LogDaemon has a daemon that was stopped go on, and looks at none as long as nothing happens", () => {
  const world = new World().start();
  const { pid, signals } = world.daemon;
  const state = (letter: string) => world.sys.put(`/proc/${pid}/stat`, `${pid} (logd) ${letter} 1 1\n`);
  state("S");
  world.pass(60_000);
  const reads = { count: 0 };
  const open = world.sys.open.bind(world.sys);
  world.sys.open = (path, flags, mode) => {
    if (path === `/proc/${pid}/stat`) reads.count++;
    return open(path, flags, mode);
  };
  world.pass(60_000);
  assert.equal(reads.count, 0);
  for (const letter of ["S", "t", "T", "T"]) {
    state(letter);
    world.sys.raise(SIGCHLD);
    world.sys.raise(SIGCHLD);
    world.pass(1500);
  }
  assert.deepEqual([reads.count, signals], [4, [SIGCONT, SIGCONT]]);
  world.says("the log daemon was stopped by SIGSTOP");
});

test("LogDaemon binds the sockets that logd.conf and rsyslog's files ask for, and hands them over", () => {
  const world = new World("LOG_SOCKETS=/srv/a/log /none/log\t/tmp/x/log\n");
  for (const directory of ["/srv/a", "/var/lib/haproxy/dev", "/tmp/x"]) world.sys.makeDirectories(directory);
  world.sys.chmod("/tmp", 0o1777);
  world.sys.put("/etc/rsyslog.d/49-haproxy.conf", "$AddUnixListenSocket /var/lib/haproxy/dev/log\n");
  world.sys.put("/etc/rsyslog.d/postfix.conf", 'input(type="imuxsock" Socket="/var/spool/postfix/dev/log")\n');
  world.sys.put("/etc/rsyslog.d/README", "$AddUnixListenSocket /srv/a/other\n");
  world.start();
  const paths = ["/srv/a/log", "/var/lib/haproxy/dev/log"];
  assert.deepEqual(world.daemon.argv, ["logd", ...paths]);
  paths.forEach((path, index) => {
    world.sender(path)(path);
    assert.equal(world.daemon.stdio[FIRST_ARGUMENT + index]?.datagrams?.[0]?.data, path);
    const stat = world.sys.stat(path);
    assert.equal(typeof stat !== "number" && stat.mode, Mode.Socket | 0o666);
  });
  world.says(
    "cannot bind /none/log, which LOG_SOCKETS",
    "cannot bind /tmp/x/log",
    "others than root may write to /tmp",
  );
  assert.ok(!world.said.join("").includes("postfix"), world.said.join(""));
  // A startup file makes postfix's chroot; the next incarnation has all of them.
  world.sys.makeDirectories("/var/spool/postfix/dev");
  world.log.environmentChanged();
  world.says("cannot bind /none/log");
  world.pass(10).restart().log.environmentChanged();
  world.pass(10);
  assert.deepEqual(world.daemon.argv, ["logd", ...paths, "/var/spool/postfix/dev/log"]);
});

test("LogDaemon.capture() gives one service more than the daemon can read no pipe, and says so", () => {
  const world = new World("LOG_CAPTURE=on\n").start();
  for (let i = 0; i < MAX_CAPTURED; i++) assert.notEqual(world.log.capture(`s${i}`, null), null);
  assert.equal(world.log.capture("more", null), null);
  world.says(`cannot capture the output of service more: the log daemon takes ${MAX_CAPTURED} services at most`);
  assert.notEqual(world.log.capture("s7", null), null);
});

test("LogDaemon.release() keeps a pipe until a daemon that has it was told to read it to its end", () => {
  const world = new World("LOG_CAPTURE=on\n").start();
  const handovers: string[] = [];
  const first = world.daemon;
  first.onSignal = (signal) => {
    handovers.push(first.argv.join(" "));
    world.obey(first, signal);
  };
  const pipe = world.log.capture("short", null);
  assert.ok(pipe !== null);
  world.log.release("short");
  world.pass(10);
  // The first daemon did not have it.
  assert.deepEqual(handovers, ["logd"]);
  assert.deepEqual(
    world.sys.spawned.map(({ argv }) => argv.join(" ")),
    ["logd", "logd short", "logd"],
  );
  assert.equal(world.sys.write(pipe[1], "x"), -9);
});

import assert from "node:assert/strict";
import test from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { startLogDaemon } from "./daemon.ts";

const SIGUSR2 = 12;
/** Descriptors as the init gives them to the daemon. */
const [SOCKET, STDOUT, MEMORY, JOURNAL, PIPE] = [0, 1, 3, 4, 5];
/** Calls that change nothing: to die before one or after it is the same. */
const LOOKS = new Set<string | symbol>(
  "now time hostname getpid getuid getgid find peek size stat lstat access strerror".split(" "),
);

/** A recovery has no more of them, with some of what comes after it. */
const RECOVERY_CALLS = 24;

/** A process of the fake has ended: nothing in it runs any more. */
class Ended extends Error {}

/** When a process is killed: before or after the call with this number. */
interface Kill {
  readonly call: number;
  readonly when: "before" | "after";
}

/** What happens around the daemon while it runs. */
interface Around {
  /** Before its call with this number. */
  readonly before?: (call: number) => void;
  /** The container's log takes nothing at every other try; called then. */
  readonly refused?: () => void;
  /** So much is written to the container's log at once. */
  readonly wrote?: (bytes: number) => void;
}

/** The kernel as one process sees it, which is killed at one of its system calls. */
function processOf(
  kernel: FakeSys,
  kill: Kill | undefined,
  { before, refused, wrote }: Around,
): { sys: Sys; calls: number; exited: boolean } {
  const process = { sys: kernel as Sys, calls: 0, exited: false };
  let over = false;
  let tries = 0;
  const end = (): never => {
    // What code of it would still do to its memory does nothing any more.
    if (!over) kernel.endMappings((buffer) => structuredClone(buffer, { transfer: [buffer] }));
    over = true;
    throw new Ended();
  };
  process.sys = new Proxy(kernel, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (over) return end();
        if (!LOOKS.has(name)) {
          process.calls++;
          before?.(process.calls);
        }
        const dies = !LOOKS.has(name) && process.calls === kill?.call;
        process.exited = name === "exit";
        if (process.exited || (dies && kill.when === "before")) return end();
        const shows = name === "writev" && args[0] === STDOUT;
        const refuses = refused !== undefined && shows && tries++ % 2 === 0;
        if (refuses) refused();
        const result: unknown = refuses ? -Errno.EAGAIN : member.apply(target, args);
        if (shows) wrote?.(result as number);
        return dies ? end() : result;
      };
    },
  });
  return process;
}

/** What the init and the daemon's clients hold, whatever becomes of the daemon. */
class World {
  readonly kernel = new FakeSys();
  /** All that the captured service writes. */
  captured = "";
  /** How many messages are sent. */
  messages = 0;
  readonly #steps: (() => void)[];
  readonly #log: number;
  readonly #journal: number;
  readonly #service: number;
  readonly #reader: number;
  readonly #firstOwn: number;

  /** @param steps what happens, one after another; by default something of everything */
  constructor(settings: Bytes, steps?: readonly ((world: World) => void)[]) {
    const { kernel } = this;
    for (const path of ["/var/log", "/etc/shipshape", "/dev"]) kernel.makeDirectories(path);
    kernel.put("/etc/shipshape/logd.conf", settings);
    kernel.args = ["logd", "web"];
    // Everything else lies above what the daemon gets.
    for (let fd = 3; fd <= PIPE; fd++) kernel.memfd();
    const [reader, stdout] = kernel.pipe();
    const [pipe, service] = kernel.pipe();
    const sockets = [kernel.unixBindDatagram("/dev/log"), kernel.unixBindDatagram("/journal")] as const;
    const given = [
      [sockets[0], SOCKET],
      [stdout, STDOUT],
      [kernel.memfd(), MEMORY],
      [sockets[1], JOURNAL],
      [pipe, PIPE],
    ] as const;
    for (const [fd, place] of given) kernel.dup2(fd, place);
    this.#log = kernel.unixConnectDatagram("/dev/log");
    this.#journal = kernel.unixConnectDatagram("/journal");
    this.#service = service;
    this.#reader = reader;
    this.#firstOwn = kernel.epollCreate();
    kernel.close(this.#firstOwn);
    this.#steps = steps?.map((step) => () => step(this)) ?? [
      () => {
        this.#send("30", "app: ");
        this.#send("86", "sshd[7]: ");
        this.#send("30", "app: \x1b[0m");
        this.#send("86", `sshd: ${"long ".repeat(150)}`);
      },
      () => this.say("line a\nline b\npar"),
      () => {
        this.say("tial");
        this.#send("22", "post: ");
      },
      () => this.say(` line\n${"x".repeat(5000)}\nun`),
      () => {
        this.send(`MESSAGE=n=${this.messages++};\nSYSLOG_IDENTIFIER=app\n`, true);
        // More than are received at once.
        for (let i = 0; i < 70; i++) this.#send("30", "app: to be rotated ");
      },
      () => this.say("finished"),
    ];
  }

  #send(priority: string, text: Bytes): void {
    this.send(`<${priority}>Nov 21 11:12:34 ${text}n=${this.messages++};`);
  }

  /** A datagram for syslog, or for the journal. */
  send(datagram: Bytes, journal = false): void {
    this.kernel.write(journal ? this.#journal : this.#log, datagram);
  }

  /** The captured service writes. */
  say(text: Bytes): void {
    this.kernel.write(this.#service, text);
    this.captured += text;
  }

  /** Lets daemons live one after another, each until it is killed, and the last one until it has written everything and ended. */
  run(kills: readonly Kill[] = [], around: Around = {}): { lives: number; calls: number } {
    const steps = [...this.#steps];
    for (let life = 0; ; life++) {
      const process = processOf(this.kernel, kills[life], around);
      try {
        const daemon = startLogDaemon(process.sys);
        for (let turn = 0; turn < 100; turn++) {
          const next = this.#idle ? steps.shift() : undefined;
          if (next !== undefined) next();
          else if (this.#idle) this.kernel.raise(SIGUSR2);
          daemon.loop.tick();
        }
        assert.fail("the daemon does not end");
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
      }
      if (process.exited) return { lives: life + 1, calls: process.calls };
      for (let fd = this.#firstOwn; fd < this.#firstOwn + 50; fd++) this.kernel.close(fd);
    }
  }

  /** Nothing waits in the sockets and in the pipe. */
  get #idle(): boolean {
    const epoll = this.kernel.epollCreate();
    for (const fd of [SOCKET, JOURNAL, PIPE]) this.kernel.epollAdd(epoll, fd, 1);
    const ready = this.kernel.epollWait(epoll, new Int32Array(8), 0);
    this.kernel.close(epoll);
    return ready === 0;
  }

  /** The text of a log, the rotated ones before it. */
  log(name: Bytes): Bytes {
    const names = this.kernel.readdir(name.slice(0, name.lastIndexOf("/"))) as Bytes[];
    const base = name.slice(name.lastIndexOf("/") + 1);
    // What a kill during the compression has left is taken away when the file is written again.
    const left = (other: Bytes) => other.endsWith(".new") || names.includes(`${other}.gz`);
    const mine = names.filter((other) => (other === base || other.startsWith(`${base}.`)) && !left(other));
    const age = (other: Bytes) => Number.parseInt(other.slice(base.length + 1), 10) || 0;
    mine.sort((a, b) => age(b) - age(a));
    return mine.map((other) => this.kernel.textOf(`${name.slice(0, -base.length)}${other}`)).join("");
  }

  get container(): Bytes {
    let text = "";
    for (let part: Bytes | number = "x"; part !== "" && typeof part === "string"; text += part) {
      const more = this.kernel.epollCreate();
      this.kernel.epollAdd(more, this.#reader, 1);
      part = this.kernel.epollWait(more, new Int32Array(2), 0) > 0 ? this.kernel.read(this.#reader, 65536) : "";
      this.kernel.close(more);
    }
    return text;
  }
}

function numbersIn(text: Bytes): number[] {
  return [...text.matchAll(/n=(\d+);/g)].map(([, number]) => Number(number)).sort((a, b) => a - b);
}

const ROTATED = "LOG_ROTATE_SIZE=300\nLOG_ROTATE_KEEP=9\nLOG_COMPRESS=off\n";

/**
 * Runs the world with these kills and asserts that nothing is missing, and nothing there twice where that can be.
 * @param refused what happens when a slow reader takes nothing
 * @param prepare what else the world has
 */
function survives(
  kills: readonly Kill[],
  refused?: (world: World) => void,
  settings = ROTATED,
  prepare: (world: World) => void = () => undefined,
): { lives: number; calls: number } {
  const world = new World(settings);
  prepare(world);
  const result = world.run(kills, refused === undefined ? {} : { refused: () => refused(world) });
  const told = `after kills ${JSON.stringify(kills)}`;
  const all = Array.from({ length: world.messages }, (_, number) => number);
  const files = world.log("/var/log/syslog") + world.log("/var/log/auth.log");
  assert.deepEqual(numbersIn(files), all, told);
  assert.ok(world.log("/var/log/services/web.log") === `${world.captured}\n`, `the service's own file, ${told}`);
  const { container } = world;
  assert.deepEqual([...new Set(numbersIn(container))], all, told);
  for (const line of ["web: line a", "web: line b", "web: partial line", "web: unfinished"])
    assert.ok(container.includes(` ${line}\n`), `${line}, ${told}`);
  assert.ok(files.endsWith("\n") && container.endsWith("\n"), told);
  return result;
}

test("startLogDaemon() has every line in the files once, whichever of its system calls it is killed at", () => {
  const { calls } = survives([]);
  assert.ok(calls > 100, `${calls} calls`);
  for (let call = 1; call <= calls; call++) {
    for (const when of ["before", "after"] as const) {
      const { lives } = survives([{ call, when }]);
      // The last call is the one that ends it.
      assert.equal(lives, call < calls ? 2 : 1);
    }
  }
});

test("startLogDaemon() has every line in the files once when its recovery is killed as well", () => {
  const { calls } = survives([]);
  for (let call = 1; call <= calls; call += 4) {
    for (let next = 1 + (call % 2); next <= RECOVERY_CALLS; next += 2) {
      survives([
        { call, when: "after" },
        { call: next, when: "after" },
      ]);
    }
  }
});

test("startLogDaemon() has every line in the files once when it is killed while a reader is slow", () => {
  const slow = () => undefined;
  const { calls } = survives([], slow);
  for (let call = 1; call <= calls; call += 2) survives([{ call, when: "after" }], slow);
});

test("startLogDaemon() has every line in the files once when they are moved while a reader is slow, and it is killed", () => {
  let moves = 0;
  const move = ({ kernel }: World) => {
    for (const path of ["/var/log/syslog", "/var/log/auth.log", "/var/log/services/web.log"])
      if (kernel.rename(path, `${path}.${10_000 - moves}`) === 0) moves++;
  };
  const { calls } = survives([], move, "LOG_ROTATE_SIZE=off\n");
  assert.ok(moves > 5, `${moves} moves`);
  for (let call = 1; call <= calls; call += 2) {
    moves = 0;
    survives([{ call, when: "after" }], move, "LOG_ROTATE_SIZE=off\n");
  }
});

test("startLogDaemon() has every line in the files once when it is killed while they are compressed", () => {
  const gzip = ({ kernel }: World) => {
    kernel.putProgram("/usr/bin/gzip", (process) => {
      const [from, to] = process.stdio;
      to?.write?.(from?.read?.(65_536) as Bytes);
      kernel.end(process, 0);
    });
  };
  const settings = ROTATED.replace("LOG_COMPRESS=off\n", "");
  const { calls } = survives([], undefined, settings, gzip);
  for (let call = 1; call <= calls; call += 2) survives([{ call, when: "after" }], undefined, settings, gzip);
});

test("startLogDaemon() goes on under a file's name, whenever somebody moves the file and puts a new one there", () => {
  const { calls } = new World("LOG_ROTATE_SIZE=off\n").run();
  for (let at = 1; at < calls; at++) {
    const world = new World("LOG_ROTATE_SIZE=off\n");
    let last = -1;
    world.run([], {
      before(call) {
        if (call !== at || world.kernel.rename("/var/log/syslog", "/var/log/syslog.1") < 0) return;
        world.kernel.put("/var/log/syslog");
        // What is received now may go to the old file still, and all that is sent from now on to the new one.
        last = world.messages;
      },
    });
    const [old, now] = ["/var/log/syslog.1", "/var/log/syslog"].map((path) =>
      world.kernel.stat(path) === -Errno.ENOENT ? [] : numbersIn(world.kernel.textOf(path)),
    ) as [number[], number[]];
    const own = numbersIn(world.log("/var/log/auth.log"));
    const all = Array.from({ length: world.messages }, (_, number) => number);
    assert.deepEqual(
      [...old, ...now, ...own].sort((a, b) => a - b),
      all,
      `moved before call ${at}`,
    );
    if (last >= 0) assert.ok(Math.max(-1, ...old) < last, `moved before call ${at}: ${old} in the old file`);
  }
});

/** A message of each shape with much in one place, marked so that it can be found again. */
const SHAPES: readonly ((mark: string, much: string) => [datagram: Bytes, journal?: boolean])[] = [
  (mark, much) => [`<30>Nov 21 11:12:34 app[7]: ${mark}${much}`],
  (mark, much) => [`<30>Nov 21 11:12:34 ${much}: ${mark}`],
  (mark, much) => [`<30>1 - - ${much.replaceAll(" ", "_")} - - - ${mark}`],
  (mark, much) => [`<30>1 - - app ${much.replaceAll(" ", "_")} - - ${mark}`],
  (mark, much) => [`<30>1 - - app 7 - [x@1 y="${much.replaceAll('"', "'")}"] ${mark}`],
  (mark, much) => {
    const half = much.slice(much.length / 2);
    return [`<30>1 - - app 7 - [x@1 y="${half.replaceAll('"', "'")}"] ${mark}${half}`];
  },
  (mark, much) => [`SYSLOG_IDENTIFIER=${much.replaceAll("\n", " ")}\nMESSAGE=${mark}\n`, true],
];

for (const settings of ["", "LOG_TIMESTAMP=off\n", "LOG_FORMAT=json\n", "LOG_FORMAT=json\nLOG_FORWARD=tcp://x\n"]) {
  test(`startLogDaemon() writes whole lines whatever a message holds, with ${settings.trim() || "the defaults"}`, () => {
    const datagrams: [Bytes, boolean?][] = [];
    for (const filler of ["x", "\x01", '"', "\xff", "\xc3\xa9 a\n"]) {
      for (const size of [300, 3000, 7000, 30_000]) {
        for (const shape of SHAPES) {
          const much = filler.repeat(size / filler.length);
          datagrams.push(shape(`n=${datagrams.length};`, much));
        }
      }
    }
    const world = new World(`${settings}LOG_ROTATE_SIZE=off\n`, [
      (it) => {
        for (const datagram of datagrams) it.send(...datagram);
      },
    ]);
    let most = 0;
    world.run([], {
      wrote(bytes) {
        most = Math.max(most, bytes);
      },
    });
    assert.ok(most <= 4096, `${most} bytes at once, which a pipe can tear`);
    const numbers = datagrams.map((_, number) => number);
    assert.deepEqual(numbersIn(world.log("/var/log/syslog")), numbers);
    const { container } = world;
    assert.ok(!container.includes("a fault in the log daemon"), container.slice(container.indexOf("a fault"), 1000));
    const lines = container.split("\n").slice(0, -1);
    for (const line of lines) assert.ok(line.length < 4096, `${line.length} bytes: ${line.slice(0, 200)}`);
    if (!settings.includes("json")) return;
    const text = lines.map((line) => (JSON.parse(line) as { message?: string }).message ?? "").join("");
    assert.deepEqual(numbersIn(text), numbers);
  });
}

for (const settings of ["", "LOG_TIMESTAMP=iso\n", "LOG_FORMAT=json\n", "LOG_RATE=1000000\n"]) {
  test(`startLogDaemon() takes a chunk of empty lines, with ${settings.trim() || "the defaults"}`, () => {
    const lines = 16_384;
    const world = new World(settings, [(it) => it.say("\n".repeat(lines)), (it) => it.say("last\n")]);
    world.run([]);
    const own = world.log("/var/log/services/web.log");
    if (settings.includes("iso")) assert.equal(own.split("\n").length, lines + 2);
    else assert.ok(own === world.captured);
    const shown = world.container.split("\n");
    assert.equal(shown.length, lines + 2);
    // Of an empty text JSON has no member.
    const form = settings.includes("json") ? /^{.*"service":"web"}$/ : /^\S.* fake web: $/;
    for (const line of shown.slice(0, lines)) assert.match(line, form);
  });
}

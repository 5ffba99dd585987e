import assert from "node:assert/strict";
import test from "node:test";
import { type Bytes, Errno } from "../sys.ts";
import { type Kill, World } from "./world.fixture.ts";

const SIGUSR1 = 10;
/** A recovery has no more calls, with some of what comes after it. */
const RECOVERY_CALLS = 24;

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

test("startLogDaemon() writes what waits in its sockets before it hands over: one may have lost its name", () => {
  const world = new World("", [
    (it) => {
      it.send("<30>Nov 21 11:12:34 app: n=0;");
      it.kernel.raise(SIGUSR1);
    },
  ]);
  world.run([]);
  assert.deepEqual(numbersIn(world.log("/var/log/syslog")), [0]);
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

test("startLogDaemon() may open as many files as the container allows: each captured service takes two descriptors", () => {
  const world = new World("");
  const noFile = 7;
  world.kernel.setrlimit(noFile, 64, 4096);
  world.run();
  assert.deepEqual(world.kernel.getrlimit(noFile), { soft: 4096, hard: 4096 });
});

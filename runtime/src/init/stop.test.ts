import assert from "node:assert/strict";
import { test } from "node:test";
import { signalName } from "../../../lib/linux/signals.ts";
import { FakeSys } from "../fake/sys-fake.ts";
import { startInit } from "./init.ts";
import type { Options } from "./options.ts";

const OPTIONS: Options = {
  enableInsecureKey: false,
  skipStartupFiles: false,
  skipServices: false,
  killAllOnExit: true,
  quiet: false,
  stopSignals: [],
  mainCommand: [],
};

/** An init on the fake: its container's life, and what it says. */
class Box {
  readonly sys = new FakeSys();
  code: number | null = null;
  #log = -1;
  #tick: () => void = () => {};

  constructor() {
    for (const directory of ["/run", "/dev", "/etc/service"]) this.sys.makeDirectories(directory);
  }

  start(options: Partial<Options> = {}): void {
    this.#log = this.sys.memfd();
    this.sys.dup2(this.#log, 2);
    const { loop, life } = startInit(this.sys, { ...OPTIONS, ...options });
    this.#tick = () => loop.tick();
    void life.then((code) => {
      this.code = code;
    });
  }

  get said(): string {
    return String(this.sys.pread(this.#log, 65536, 0));
  }

  /** Turns the loop until something holds; the fake's clock goes on by a second at most each time. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 5000; turn++) {
      if (holds()) return;
      this.sys.after(1000, () => {});
      // What is raised wakes the loop, so that promises get their turn.
      this.sys.after(1000, () => this.sys.raise(18));
      this.#tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.fail(`it never came to this: ${what}\n${this.said}`);
  }

  async ended(): Promise<number> {
    await this.until("the container has ended", () => this.code !== null);
    return this.code as number;
  }
}

/** A program that ends so many milliseconds after its TERM. */
function slow(sys: FakeSys, path: string, ms: number): void {
  sys.putProgram(path, (process) => {
    process.onSignal = (signal) => {
      if (signal === 15) sys.after(ms, () => sys.processes.has(process.pid) && sys.end(process, 0));
    };
  });
}

test("Shutdown gives a service and a hook the time that KILL_PROCESS_TIMEOUT says, beyond what the engine waits by default", async () => {
  const box = new Box();
  box.sys.environ = "KILL_PROCESS_TIMEOUT=300\0KILL_ALL_PROCESSES_TIMEOUT=300";
  box.sys.putProgram("/etc/service/db/run");
  slow(box.sys, "./run", 250_000);
  const hooks: string[] = [];
  for (const name of ["a", "b"]) {
    const path = `/etc/my_init.post_shutdown.d/${name}`;
    box.sys.putProgram(path, (process) =>
      box.sys.after(100_000, () => {
        hooks.push(name);
        box.sys.end(process, 0);
      }),
    );
  }
  box.start();
  await box.until("the service runs", () => box.sys.spawned.length === 1);
  box.sys.raise(15);
  assert.equal(await box.ended(), 0, box.said);
  assert.deepEqual(hooks, ["a", "b"]);
  assert.doesNotMatch(box.said, /killed|in time/);
});

test("Shutdown starts no hook for which no time is left, and names it", async () => {
  const box = new Box();
  box.sys.environ = "SHIPSHAPE_SHUTDOWN_TIMEOUT=0";
  box.sys.putProgram("/etc/my_init.pre_shutdown.d/flush");
  box.start();
  await box.until("it has begun", () => box.said !== "" || box.sys.clock > 3000);
  box.sys.raise(15);
  assert.equal(await box.ended(), 1);
  assert.equal(box.sys.spawned.length, 0);
  assert.match(box.said, /^\*\*\* \/etc\/my_init\.pre_shutdown\.d\/flush is not run: no time is left/m);
});

test("Shutdown leaves a hook its share when the one before it in the same stage hangs", async () => {
  const box = new Box();
  box.sys.putProgram("/etc/my_init.post_shutdown.d/a", (process) => {
    process.onSignal = () => {};
  });
  let ran = false;
  box.sys.putProgram("/etc/my_init.post_shutdown.d/b", (process) =>
    box.sys.after(200, () => {
      ran = true;
      box.sys.end(process, 0);
    }),
  );
  box.start({ killAllOnExit: false });
  await box.until("it runs", () => box.sys.clock > 3000);
  box.sys.raise(15);
  assert.equal(await box.ended(), 1);
  assert.ok(ran, box.said);
  assert.match(box.said, /killed: \/etc\/my_init\.post_shutdown\.d\/a\./);
});

for (const [signal, name] of [
  [3, "SIGQUIT"],
  [37, "SIGRTMIN+3"],
  [28, "SIGWINCH"],
] as const) {
  test(`Signals stops a container without a main command when ${name} comes, and passes it on to one that runs`, async () => {
    const alone = new Box();
    alone.start();
    await alone.until("it runs", () => alone.sys.clock > 3000);
    alone.sys.raise(signal);
    assert.equal(await alone.ended(), 0);
    assert.match(alone.said, new RegExp(`Told to stop by ${name.replace("+", "\\+")}\\.`));
    const box = new Box();
    box.sys.putProgram("/bin/app", (process) => {
      process.onSignal = (got) => got === signal && box.sys.end(process, 7 << 8);
    });
    box.start({ mainCommand: ["/bin/app"] });
    await box.until("it runs", () => box.sys.spawned.length === 1);
    box.sys.raise(signal);
    assert.equal(await box.ended(), 7);
    assert.doesNotMatch(box.said, /Told to stop|does nothing/);
  });
}

test("Signals takes no WINCH for a stop where a terminal may have sent it", async () => {
  const box = new Box();
  box.sys.put("/dev/tty");
  box.start();
  box.sys.raise(28);
  box.sys.raise(10);
  await box.until("the other signal was read", () => box.said.includes("SIGUSR1"));
  box.sys.raise(15);
  assert.equal(await box.ended(), 0);
  assert.doesNotMatch(box.said, /WINCH/);
});

test("Signals says once of each signal that does nothing that it does, and nothing of those that come by themselves", async () => {
  const named = [10, 12, 14, 30, 34, 40, 64];
  const box = new Box();
  box.start();
  for (let round = 0; round < 2; round++) {
    for (let signal = 1; signal <= 64; signal++) {
      // 1 reads services again; 32 and 33 are the C library's; the others stop, cannot be received, or say that this process is ill.
      if ([1, 2, 3, 15, 17, 28, 37, 9, 19, 4, 5, 6, 7, 8, 11, 16, 24, 25, 26, 27, 31, 32, 33].includes(signal))
        continue;
      box.sys.raise(signal);
    }
    const before = box.sys.clock;
    await box.until("all were read", () => box.sys.clock > before + 70_000);
  }
  const lines = box.said.split("\n").filter((line) => line.includes("does nothing here"));
  assert.equal(new Set(lines).size, lines.length);
  for (const signal of named)
    assert.equal(lines.filter((line) => line.includes(` ${signalName(signal)} does`)).length, 1, signalName(signal));
  for (const signal of [13, 18, 20, 21, 22, 23, 29])
    assert.ok(!box.said.includes(` ${signalName(signal)} does`), signalName(signal));
  box.sys.raise(15);
  assert.equal(await box.ended(), 0);
});

/** Makes every process that runs this program one that may not be sent signals. */
function withoutPermission(sys: FakeSys, program: string): void {
  const kill = sys.kill.bind(sys);
  sys.kill = (pid, signal) => {
    if (sys.processes.get(pid)?.program === program) return -1;
    // The kernel passes over those that it does not permit.
    if (pid !== -1) return kill(pid, signal);
    for (const process of [...sys.processes.values()]) if (process.program !== program) kill(process.pid, signal);
    return 0;
  };
  const readable = () =>
    sys.put("/proc/self/task/1/children", [...sys.processes.keys()].map((pid) => `${pid} `).join(""));
  const reap = sys.reap.bind(sys);
  sys.reap = () => {
    readable();
    return reap();
  };
}

for (const [what, program, options] of [
  ["the main command", "/bin/app", { mainCommand: ["/bin/app"] }],
  ["a service", "./run", {}],
  ["what a startup file left behind", "/orphan", {}],
] as const) {
  test(`Shutdown does not wait for ${what} when it may not be sent signals, says so once, and names it`, async () => {
    const box = new Box();
    withoutPermission(box.sys, program);
    box.sys.putProgram("/bin/app");
    if (program === "./run") for (const name of ["a", "b"]) box.sys.putProgram(`/etc/service/${name}/run`);
    box.start(options);
    if (program === "/orphan") box.sys.adopt();
    const count = program === "./run" ? 2 : 1;
    await box.until("it runs", () => box.sys.spawned.length === count && box.sys.clock > 3000);
    const since = box.sys.clock;
    box.sys.raise(15);
    assert.equal(await box.ended(), 1);
    // The fake's clock: a whole budget is 9,000.
    assert.ok(box.sys.clock - since <= 2000, `${box.sys.clock - since} ms\n${box.said}`);
    assert.equal(box.said.split("--cap-add KILL").length, 2, box.said);
    const name = program === "./run" ? "service a, service b" : program === "/bin/app" ? "/bin/app" : "PID 2";
    assert.match(box.said, new RegExp(`killed: .*${name}`));
  });
}

test("leaveDirectory() frees the container's working directory, in which all but services are still started", async () => {
  const box = new Box();
  for (const path of ["/bin/app", "/etc/my_init.d/a", "/etc/my_init.pre_shutdown.d/b", "/etc/my_init.signal.d/USR1"])
    box.sys.putProgram(path, (process) => path !== "/bin/app" && box.sys.end(process, 0));
  box.sys.makeDirectories("/srv/app");
  box.sys.chdir("/srv/app");
  box.start({ mainCommand: ["/bin/app"] });
  await box.until("the main command runs", () => box.sys.spawned.some(({ program }) => program === "/bin/app"));
  await box.until("it has left", () => box.sys.realpath(".") === "/");
  box.sys.raise(10);
  await box.until("the hook has run", () => box.sys.spawned.length === 3);
  box.sys.raise(15);
  await box.ended();
  assert.deepEqual(
    box.sys.spawned.map(({ program, cwd }) => [program.slice(program.lastIndexOf("/") + 1), cwd]),
    // An empty one is where the init is: until then in /srv/app.
    [
      ["a", ""],
      ["app", ""],
      ["USR1", "/srv/app"],
      ["b", "/srv/app"],
    ],
  );
});

test("ContainerEnvironment leaves out the largest variables when Linux could start nothing with all, and names them", async () => {
  const box = new Box();
  box.sys.setrlimit(3, 8 << 20, -1);
  for (let at = 0; at < 20; at++) box.sys.put(`/etc/container_environment/BIG${at}`, "x".repeat(130_000));
  box.sys.put("/etc/container_environment/SMALL", "kept");
  box.sys.putProgram("/bin/app", (process) => box.sys.end(process, 0));
  box.start({ mainCommand: ["/bin/app"] });
  assert.equal(await box.ended(), 0);
  const env = box.sys.spawned[0]?.env ?? [];
  assert.ok(env.includes("SMALL=kept"));
  assert.ok(env.join("\0").length < 2 << 20);
  const left = [...box.said.matchAll(/BIG\d+ \(130000 bytes\)/g)];
  assert.equal(left.length + env.length, 21);
  assert.equal(box.said.split("left out").length, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
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

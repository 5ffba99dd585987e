import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop } from "../base/loop.ts";
import { type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import { startInit } from "./init.ts";

const [SIGTERM, WAKE_UP] = [15, 29];
const MOST_TURNS = 500;
const OPTIONS = {
  enableInsecureKey: false,
  skipStartupFiles: false,
  skipServices: false,
  killAllOnExit: true,
  quiet: false,
  stopSignals: [],
  mainCommand: [],
};

/** A container on the fake, from its boot to its exit code. */
class Box {
  readonly sys = new FakeSys();
  code: number | null = null;
  #loop: Loop | null = null;
  #log = -1;

  constructor(...programs: string[]) {
    this.sys.args = ["my_init"];
    for (const path of ["/run", "/dev", "/etc/service"]) this.sys.makeDirectories(path);
    for (const program of programs) this.sys.putProgram(program);
  }

  boot(): void {
    if (this.#log < 0) this.#log = this.sys.memfd();
    this.sys.dup2(this.#log, 2);
    const { loop, life } = startInit(this.sys, OPTIONS);
    this.#loop = loop;
    life.then((code) => {
      this.code = code;
    });
  }

  async until(reached: () => boolean): Promise<void> {
    for (let turns = 0; !reached(); turns++) {
      assert.ok(turns < MOST_TURNS, `it does not come in ${MOST_TURNS} turns:\n${this.log}`);
      this.sys.after(100, () => this.sys.raise(WAKE_UP));
      this.#loop?.tick();
      await new Promise(setImmediate);
    }
  }

  get log(): string {
    return String(this.sys.pread(this.#log, 65536, 0));
  }

  find(program: string): FakeProcess | undefined {
    return [...this.sys.processes.values()].find((process) => process.program === program);
  }

  /** Asks as `sv` does. */
  async ask(request: string): Promise<string> {
    const fd = this.sys.unixConnect("/run/shipshape/control");
    const own = this.sys.open(`/proc/self/fd/${fd}`, 0o4000, 0);
    this.sys.write(own, `${request}\n`);
    let reply: string | number = "";
    await this.until(() => {
      reply = this.sys.read(own, 65536);
      return typeof reply === "string";
    });
    return reply;
  }
}

test("Shutdown.run() sends TERM to a finish that stays, before the time of the services is over", async () => {
  const box = new Box("/etc/service/a/run", "/etc/service/a/finish");
  box.boot();
  await box.until(() => box.find("./run") !== undefined);
  box.sys.raise(SIGTERM);
  await box.until(() => box.find("./finish") !== undefined);
  const finish = box.find("./finish");
  const before = box.sys.clock;
  await box.until(() => box.code !== null);
  assert.equal(box.code, 0);
  assert.deepEqual(finish?.signals.slice(0, 1), [SIGTERM]);
  assert.ok(box.sys.clock - before < 8000, "half of its stage");
  assert.match(box.log, /finish still runs, so it is sent TERM: a\./);
});

test("Shutdown.run() ends a control/u that hangs within the budget, names the service and starts no run", async () => {
  const box = new Box("/etc/service/a/run", "/etc/service/a/control/u");
  box.boot();
  await box.until(() => box.find("./control/u") !== undefined);
  const script = box.find("./control/u");
  if (script !== undefined) script.onSignal = () => {};
  const since = box.sys.clock;
  box.sys.raise(SIGTERM);
  await box.until(() => box.code !== null);
  assert.equal(box.code, 1);
  assert.ok(box.sys.clock - since < 10_000, `${box.sys.clock - since} ms`);
  assert.match(box.log, /Services did not shut down in time: a\. Forcing/);
  assert.match(box.log, /killed: service a\.$/m);
  assert.ok(!box.sys.spawned.some(({ program }) => program === "./run"));
});

test("Shutdown.run() starts no service for a hook that asks sv after a crash on the way down", async () => {
  const hook = "/etc/my_init.post_shutdown.d/1";
  const box = new Box("/etc/service/a/run", hook);
  box.boot();
  await box.until(() => box.find("./run") !== undefined);
  box.sys.raise(SIGTERM);
  await box.until(() => box.find(hook) !== undefined);
  box.sys.nextIncarnation();
  box.boot();
  assert.match(await box.ask("status none"), /^error no-service /);
  assert.equal(box.sys.spawned.filter(({ program }) => program === "./run").length, 1);
});

test("Shutdown.run() keeps the names of what it killed over a crash", async () => {
  const hook = "/etc/my_init.post_shutdown.d/1";
  const box = new Box("/etc/service/a/run", hook);
  box.boot();
  await box.until(() => box.find("./run") !== undefined);
  const run = box.find("./run");
  if (run !== undefined) run.onSignal = () => {};
  box.sys.raise(SIGTERM);
  await box.until(() => box.find(hook) !== undefined);
  box.sys.nextIncarnation();
  box.boot();
  const again = box.find(hook);
  assert.ok(again !== undefined);
  box.sys.end(again, 0);
  await box.until(() => box.code !== null);
  assert.equal(box.code, 1);
  assert.match(box.log, /killed: service a\.$/m);
});

test("startInit() survives a crash behind a startup file with a name of every length", async () => {
  for (const length of [10, 255]) {
    const path = `/etc/my_init.d/${"n".repeat(length - 1)}"`;
    const directory = `/${"d".repeat(200)}/${"e".repeat(200)}`;
    const box = new Box(path, "/etc/service/a/run");
    box.sys.environ = `ENV_INIT_DIRECTORY=${directory}`;
    box.sys.putProgram(`${directory}/${"n".repeat(length)}`);
    box.boot();
    await box.until(() => box.sys.spawned.length > 0);
    box.sys.nextIncarnation();
    box.boot();
    const script = [...box.sys.processes.values()][0];
    assert.ok(script !== undefined);
    box.sys.end(script, 0);
    await box.until(() => box.find("./run") !== undefined);
    assert.equal(box.sys.spawned.length, 2);
  }
});

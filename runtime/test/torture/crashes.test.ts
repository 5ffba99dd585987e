import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { boot, type Container, SANITIZED } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { assertOrder, waiting } from "../harness/fixtures.ts";
import { assertWell, LONGER, TORTURE, vitals } from "../harness/health.ts";
import { run } from "../harness/run.ts";
import { skip, test } from "../harness/test.ts";

const SEGV = 11;
const CRASHES = 100 * TORTURE;

/** The first pid in a status line. */
function pidOf(status: string): number | false {
  return Number(/\(pid (\d+)\)/.exec(status)?.[1] ?? 0) || false;
}

/** Lets PID 1 crash by itself: overwrites its stack, return addresses included, above the system call that it waits in. */
async function crashByFault(box: Container): Promise<void> {
  const stack = await eventually("PID 1 waits for events", () => {
    const fields = readFileSync(`/proc/${box.pid}/syscall`, "utf8").trim().split(" ");
    return fields.length === 9 && Number(fields[7]);
  });
  const memory = openSync(`/proc/${box.pid}/mem`, "r+");
  writeSync(memory, Buffer.alloc(512, 0x11), 0, 512, stack);
  closeSync(memory);
  // Any event makes it go on there.
  box.signal("SIGCHLD");
}

/** Sends SEGV to PID 1 and waits until it has started itself again. */
async function crash(box: Container, count: number): Promise<void> {
  box.signal(SEGV);
  await box.sees("has started itself again", count);
}

test(
  `A80 PID 1 crashes ${CRASHES} times: services keep their pids, and no line on its way to a log is lost`,
  async () => {
    // Numbered lines as fast as the log takes them; both sides know nothing of the crashes.
    const counter = "trap 'echo $i >/tmp/last; exit 0' TERM; i=0; while :; do i=$((i + 1)); echo $i; done";
    await using box = await boot({
      main: waiting(),
      services: {
        counter: { run: counter, log: "exec cat >/var/log/counter" },
        plain: { run: waiting({ TERM: "exit 0" }, "plain-ready") },
        idle: { run: "exec sleep 1000", down: true },
      },
    });
    await box.sees("plain-ready");
    await box.sees(/^ready$/m);
    await eventually("the log grows", () => box.size("/var/log/counter") > 0);
    const pids = () =>
      ["counter", "plain"].map((name) => eventually("sv answers", async () => pidOf(await box.sv("status", name))));
    const before = await Promise.all(pids());
    await crash(box, 1);
    const vital = await vitals(box, "plain");
    for (let count = 2; count <= CRASHES; count++) await crash(box, count);
    assert.deepEqual(await Promise.all(pids()), before);
    assert.match(await box.sv("status", "idle"), /^down: idle: /);
    await assertWell(box, vital, "plain");
    // Still a supervisor: it restarts, starts and stops.
    assert.match(await box.sv("start", "idle"), /^ok: run: idle: /);
    await box.exec(`kill -9 ${before[1]}`);
    await box.sees("plain-ready", 2);
    assert.match(await box.sv("stop", "counter"), /^ok: down: counter: /);
    const last = Number(box.read("/tmp/last"));
    const lines = () => box.read("/var/log/counter").trimEnd().split("\n");
    await eventually("the log has the last line", () => Number(lines().at(-1)) >= last - 1);
    const wrong = lines().findIndex((line, i) => line !== String(i + 1));
    assert.equal(wrong, -1, `line ${wrong + 1} is ${lines()[wrong]}`);
    assert.equal((await box.stop()).code, 143);
  },
  200_000 * LONGER,
);

test("A80 a service that ends while PID 1 starts itself again is started again", async () => {
  await using box = await boot({ services: { s: { run: waiting() } }, env: { SERVICE_BACKOFF: "0" } });
  await box.sees("ready");
  for (let count = 1; count <= 30 * TORTURE; count++) {
    const pid = await eventually("sv tells its pid", async () => pidOf(await box.sv("status", "s")));
    await box.exec(`kill -SEGV 1; kill -9 ${pid}`);
    await box.sees("ready", count + 1);
  }
  await eventually("no zombie is left", () => box.zombies().length === 0);
});

test("A80 PID 1 crashes by a fault of its own: it starts itself again, services keep their pids", async () => {
  await using box = await boot({ services: { s: { run: waiting({ TERM: "exit 0" }) } } });
  await box.sees("ready");
  const status = await box.sv("status", "s");
  for (let count = 1; count <= 5; count++) {
    await crashByFault(box);
    await box.sees("has started itself again", count);
  }
  assert.equal(pidOf(await box.sv("status", "s")), pidOf(status));
  assert.match(box.output.stderr, /^\*\*\* \/sbin\/my_init crashed by signal 11/m);
  assert.equal((await box.stop()).code, 0);
});

test("A80 PID 1 that crashes again and again only reaps, until TERM ends all", async () => {
  await using box = await boot({
    services: { s: { run: waiting({ TERM: "echo service-got-TERM >&2; exit" }) } },
    main: `(exec sleep 1000 & echo $! >/tmp/orphan); ${waiting({ TERM: "echo main-got-TERM >&2; exit" }, "main-ready")}`,
  });
  await box.sees(/^ready$/m);
  await box.sees("main-ready");
  for (let count = 1; count <= 6; count++) {
    await crashByFault(box);
    await box.sees("crashed by signal", count);
  }
  await box.sees("from now on it only reaps processes");
  const orphan = Number(box.read("/tmp/orphan"));
  await box.exec(`kill -9 ${orphan}`);
  await eventually("the orphan is reaped", () => box.process(orphan) === undefined);
  assert.ok(box.find("./run"), "the service is gone");
  await box.stopSoon(2000);
  for (const who of ["service", "main"]) assert.equal(box.output.count(`${who}-got-TERM`), 1, who);
});

const OUT_OF_MEMORY = "A80 PID 1 runs out of memory: it starts itself again, services keep their pids";

if (SANITIZED) skip(OUT_OF_MEMORY, "AddressSanitizer ends the program itself");
else
  test(OUT_OF_MEMORY, async () => {
    await using box = await boot({ services: { s: { run: waiting({ TERM: "exit 0" }) } } });
    await box.sees("ready");
    const status = await box.sv("status", "s");
    const limit = Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${box.pid}/status`, "utf8"))?.[1]) + 1000;
    assert.equal((await run("prlimit", ["--pid", String(box.pid), `--as=${limit * 1024}`])).code, 0);
    // Each client waits for a change that does not come, and has half a request in its buffer.
    const serial = /serial=(\d+)/.exec(String((await ask(box, "status s\n"))[0]))?.[1];
    const clients = Array.from({ length: 100 }, () => connect(box.path("/run/shipshape/control")));
    for (const client of clients) {
      client.on("error", () => undefined);
      client.write(`wait ${serial} 3600000 s\n${"x".repeat(60_000)}`);
    }
    await box.sees("is out of memory");
    await box.sees("has started itself again");
    for (const client of clients) client.destroy();
    const again = await eventually("sv answers", async () => pidOf(await box.sv("status", "s")));
    assert.equal(again, pidOf(status));
    assert.equal((await box.stop()).code, 0);
  });

/** Sends one request to the init and returns what comes. */
function ask(box: Container, request: string): Promise<unknown[]> {
  const control = connect(box.path("/run/shipshape/control"));
  control.write(request);
  return once(control, "data").finally(() => control.destroy());
}

test("A20 PID 1 crashes while the main command runs: its code passes all the same", async () => {
  await using box = await boot({ main: `${waiting({ USR1: "exit 33" })}`, postShutdown: { p: "echo hook-ran >&2" } });
  await box.sees("ready");
  for (let count = 1; count <= 3; count++) await crash(box, count);
  box.signal("SIGUSR1");
  assert.equal((await box.ended()).code, 33);
  assert.equal(box.output.count("hook-ran"), 1);
});

test("A21 the main command is killed while PID 1 starts itself again", async () => {
  for (let i = 0; i < 10 * TORTURE; i++) {
    await using box = await boot({ main: `echo $$ >/tmp/pid; ${waiting()}` });
    await box.sees("ready");
    await box.exec(`kill -SEGV 1; kill -9 ${box.read("/tmp/pid")}`);
    assert.equal((await box.ended()).code, 137);
  }
});

test("A12 PID 1 crashes during the startup files: each still runs once, in order, and the boot goes on", async () => {
  const step = (name: string) =>
    `echo ${name}-begins >&2; until grep -qs ${name} /tmp/go; do sleep 0.01; done; echo ${name}-ends >&2`;
  await using box = await boot({
    main: "exit 7",
    environment: { FLAG: "old" },
    startup: {
      "10_a": `${step("a")}; echo new >/etc/container_environment/FLAG`,
      "20_b": `echo "flag $FLAG" >&2; ${step("b")}`,
      "30_c": "echo c-ran >&2",
    },
  });
  await box.sees("a-begins");
  await crash(box, 1);
  box.write("/tmp/go", "a");
  await box.sees("b-begins");
  await crash(box, 2);
  await crash(box, 3);
  box.write("/tmp/go", "b");
  assert.equal((await box.ended()).code, 7);
  assertOrder(box.output.stderr, ["a-begins", "a-ends", "flag new", "b-begins", "b-ends", "c-ran"]);
  for (const text of ["a-begins", "b-begins", "c-ran"]) assert.equal(box.output.count(text), 1, text);
});

test("A40 PID 1 crashes during the shutdown: every stage still comes once, in order", async () => {
  const hook = (name: string) =>
    `echo ${name}-begins >&2; until grep -qs ${name} /tmp/go; do sleep 0.01; done; echo ${name}-ends >&2`;
  await using box = await boot({
    main: waiting({ TERM: "echo main-got-TERM >&2; exit 8" }),
    services: { s: { run: waiting({ TERM: `${hook("service")}; exit` }, "service-ready") } },
    preShutdown: { p: hook("pre"), q: "echo pre-q-ran >&2" },
    postShutdown: { p: hook("post") },
    env: { SHUTDOWN_TIMEOUT: "60", KILL_PROCESS_TIMEOUT: "60" },
  });
  await box.sees(/^ready$/m);
  await box.sees("service-ready");
  box.signal("SIGTERM");
  let count = 0;
  for (const stage of ["pre", "service", "post"]) {
    await box.sees(`${stage}-begins`);
    await crash(box, ++count);
    await crash(box, ++count);
    box.write("/tmp/go", stage);
  }
  assert.equal((await box.ended()).code, 8);
  const parts = [
    "main-got-TERM",
    "pre-begins",
    "pre-ends",
    "pre-q-ran",
    "service-begins",
    "service-ends",
    "post-begins",
    "post-ends",
  ];
  assertOrder(box.output.stderr, parts);
  for (const part of parts) assert.equal(box.output.count(part), 1, part);
});

test("A30 a TERM that comes while PID 1 starts itself again is not lost", async () => {
  for (let i = 0; i < Math.max(5, 20 * TORTURE); i++) {
    await using box = await boot({ services: { s: { run: waiting({ TERM: "exit 0" }) } } });
    await box.sees("ready");
    box.signal(SEGV);
    await delay(i / 4);
    const { code } = await box.stopSoon(2000);
    assert.equal(code, 0, `after ${i / 4} ms`);
  }
});

import assert from "node:assert/strict";
import { type BootOptions, boot, type Exit } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { assertOrder, STUBBORN, waiting } from "../harness/fixtures.ts";
import { test } from "../harness/test.ts";

/** Without anybody to wait for, a stop may take this long and its control, in milliseconds: a generous bound of a few. */
const AT_ONCE_MS = 500;

function tellsTerm(who: string): string {
  return waiting({ TERM: `echo ${who}-got-TERM >&2; exit` }, `${who}-ready`);
}

test("A40 a stop by signal ends main command, services and the rest in this order, with hooks between", async () => {
  await using box = await boot({
    main: tellsTerm("main"),
    services: { s: { run: tellsTerm("service"), finish: "echo finish-ran >&2" } },
    startup: { "10_orphan": `(${tellsTerm("orphan")}) & true` },
    preShutdown: { "10_a": "echo pre-a >&2", "20_b": "echo pre-b >&2" },
    postShutdown: { "10_a": "echo post-a >&2", "20_b": "echo post-b >&2" },
  });
  for (const who of ["main", "service", "orphan"]) await box.sees(`${who}-ready`);
  await box.stopSoon(AT_ONCE_MS);
  assertOrder(box.output.stderr, [
    "*** Shutting down /opt/main",
    "main-got-TERM",
    "*** Running /etc/my_init.pre_shutdown.d/10_a...",
    "pre-a",
    "pre-b",
    "service-got-TERM",
    "finish-ran",
    "*** Running /etc/my_init.post_shutdown.d/10_a...",
    "post-a",
    "post-b",
    "*** Killing all processes...",
    "orphan-got-TERM",
  ]);
});

test("A40 a main command that ends by itself gets no TERM, and the rest is stopped in the same order", async () => {
  await using box = await boot({
    main: "trap 'echo main-got-TERM >&2' TERM; until grep -qs x /tmp/go; do sleep 0.01; done; exit 3",
    services: { s: { run: tellsTerm("service") } },
    preShutdown: { p: "echo pre >&2" },
    postShutdown: { p: "echo post >&2" },
  });
  await box.sees("service-ready");
  box.write("/tmp/go", "x");
  assert.equal((await box.ended()).code, 3);
  assertOrder(box.output.stderr, ["exited with status 3", "pre\n", "service-got-TERM", "post\n", "Killing all"]);
  assert.equal(box.output.count("main-got-TERM"), 0);
});

test("A40 stages end with KILL for those that ignore TERM, each after its timeout", async () => {
  await using box = await boot({
    main: STUBBORN,
    services: { s: { run: STUBBORN } },
    startup: { "10_orphan": `(${STUBBORN}) & true` },
    env: { KILL_PROCESS_TIMEOUT: "300ms", KILL_ALL_PROCESSES_TIMEOUT: "300ms", SHUTDOWN_TIMEOUT: "1h" },
  });
  await box.sees("stubborn", 3);
  const { code, ms } = await box.stopSoon(3000);
  assert.equal(code, 137);
  assert.ok(ms >= 890, `took ${ms} ms`);
});

test("A40 a stopped service gets CONT with its TERM", async () => {
  await using box = await boot({ services: { s: { run: tellsTerm("service") } } });
  await box.sees("service-ready");
  const pid = box.processes().find(({ session, pid }) => session === pid && pid !== 1)?.pid ?? 0;
  await box.exec(`kill -STOP ${pid}`);
  await eventually("it is stopped", () => box.process(pid)?.state === "T");
  await box.stopSoon(AT_ONCE_MS);
  assert.equal(box.output.count("service-got-TERM"), 1);
});

test("A40 a stopped orphan gets CONT with its TERM", async () => {
  await using box = await boot({
    startup: { "10_orphan": `(${tellsTerm("orphan")}) & echo $! >/tmp/pid` },
    services: { s: { run: waiting() } },
  });
  await box.sees("orphan-ready");
  await box.sees(/^ready$/m);
  const pid = Number(box.read("/tmp/pid"));
  await box.exec(`kill -STOP ${pid}`);
  await eventually("it is stopped", () => box.process(pid)?.state === "T");
  await box.stopSoon(AT_ONCE_MS);
  assert.equal(box.output.count("orphan-got-TERM"), 1);
});

/** A service without children that could hold its output open; it answers TERM with its last words. */
const LAST_WORDS = `exec perl -e '
  $| = 1; $SIG{TERM} = sub { select undef, undef, undef, 0.1; print "last-words\\n"; exit };
  print STDERR "ready\\n"; sleep 1000 while 1'`;

test("A40 a log outlives its service and takes in its last words", async () => {
  await using box = await boot({
    services: { s: { run: LAST_WORDS, log: 'trap "" TERM; exec cat >/var/log/s' } },
  });
  await box.sees("ready");
  const { code } = await box.stopSoon(AT_ONCE_MS);
  assert.equal(code, 0);
  assert.equal(box.read("/var/log/s"), "last-words\n");
});

test("A40 a log whose input a leftover process keeps open ends all the same", async () => {
  await using box = await boot({
    services: {
      s: { run: `sleep 1000 & ${LAST_WORDS}`, log: 'trap "" TERM; exec cat >/var/log/s' },
    },
  });
  await box.sees("ready");
  const { code } = await box.stopSoon(2000);
  assert.equal(code, 0);
  assert.equal(box.read("/var/log/s"), "last-words\n");
  assert.match(box.output.stderr, /^\*\*\* Stopped in \S+ s; the log of service s took longest \(\S+ s\)\.$/m);
});

test("A41 --skip-runit does not skip the hooks", async () => {
  await using box = await boot({
    args: ["--skip-runit"],
    main: "exit 4",
    preShutdown: { p: "echo pre-ran >&2" },
    postShutdown: { p: "echo post-ran >&2" },
  });
  assert.equal((await box.ended()).code, 4);
  assertOrder(box.output.stderr, ["pre-ran", "post-ran"]);
});

for (const { what, options } of [
  { what: "KILL_PROCESS_TIMEOUT=0 the main command", options: { main: STUBBORN, env: { KILL_PROCESS_TIMEOUT: "0" } } },
  {
    what: "KILL_PROCESS_TIMEOUT=0 a service",
    options: { services: { s: { run: STUBBORN } }, env: { KILL_PROCESS_TIMEOUT: "0" } },
  },
  {
    what: "KILL_PROCESS_TIMEOUT=0 a startup file",
    options: { startup: { "10_a": STUBBORN }, env: { KILL_PROCESS_TIMEOUT: "0s" } },
  },
  {
    what: "KILL_ALL_PROCESSES_TIMEOUT=0 an orphan",
    options: { main: `(${STUBBORN}) & exec sleep 1000`, env: { KILL_ALL_PROCESSES_TIMEOUT: "0" } },
  },
  {
    what: "SHUTDOWN_TIMEOUT=0 everything",
    options: {
      main: `(${STUBBORN}) & exec sleep 1000`,
      services: { s: { run: STUBBORN } },
      env: { SHUTDOWN_TIMEOUT: "0" },
    },
  },
] satisfies ReadonlyArray<{ what: string; options: BootOptions }>) {
  test(`A42 with ${what} is killed at once`, async () => {
    await using box = await boot(options);
    await box.sees("stubborn", Object.keys(options).includes("services") && "main" in options ? 2 : 1);
    await box.stopSoon(AT_ONCE_MS);
  });
}

/** Nothing here ends by itself. */
const ALL_STUBBORN: BootOptions = {
  main: STUBBORN,
  services: { s: { run: STUBBORN }, t: { run: STUBBORN } },
  startup: { "10_orphan": `(${STUBBORN}) & true` },
  preShutdown: { p: `echo pre-begins >&2; ${STUBBORN}` },
  postShutdown: { p: "echo post-complete >&2" },
};

test("A43 all stages share one budget, none eats what later ones need, and one line tells who was killed; Kubernetes gets more than Docker", async () => {
  await using docker = await boot(ALL_STUBBORN);
  await using kubernetes = await boot({ ...ALL_STUBBORN, env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" } });
  await docker.sees("stubborn", 4);
  await kubernetes.sees("stubborn", 4);
  let ended: Exit | undefined;
  void kubernetes.exited.then((exit) => {
    ended = exit;
  });
  kubernetes.signal("SIGTERM");
  // Docker's own limit.
  const { ms } = await docker.stopSoon(10_000);
  assert.ok(ms > 8500, `took ${ms} ms`);
  assertOrder(docker.output.stderr, ["pre-begins", "post-complete"]);
  const summary = docker.output.lines.filter((line) => line.startsWith("*** ") && line.includes("took longest"));
  assert.equal(summary.length, 1);
  for (const name of ["/opt/main", "service s", "service t", "pre_shutdown.d/p"]) {
    assert.ok(summary[0]?.includes(name), `the summary does not name ${name}: ${summary[0]}`);
  }
  assert.ok(ended === undefined || ended.ms > 20_000, `under Kubernetes it was over after ${ended?.ms} ms`);
});

test("A43 a timeout of KILL_PROCESS_TIMEOUT caps its stage, however much of the budget is left", async () => {
  await using box = await boot({
    services: { s: { run: STUBBORN } },
    env: { KILL_PROCESS_TIMEOUT: "200ms", SHUTDOWN_TIMEOUT: "1h" },
  });
  await box.sees("stubborn");
  const { ms } = await box.stopSoon(2000);
  assert.ok(ms >= 195, `took ${ms} ms`);
});

test("A43 the summary names who took longest", async () => {
  await using box = await boot({
    services: { slow: { run: waiting({ TERM: "sleep 0.3; exit" }, "slow-ready") }, quick: { run: waiting() } },
  });
  await box.sees("slow-ready");
  await box.sees(/^ready$/m);
  assert.equal((await box.stop()).code, 0);
  assert.match(box.output.stderr, /^\*\*\* Stopped in \S+ m?s; service slow took longest/m);
  assert.doesNotMatch(box.output.stderr, /killed:/);
});

for (const { what, options } of [
  { what: "no service directory", options: { files: { "/etc/service": null } } },
  { what: "an empty service directory", options: {} },
  { what: "services that are down", options: { services: { s: { run: "exec sleep 1000", down: true } } } },
  { what: "100 services that end at once", options: { services: hundred("exec sleep 1000") } },
] satisfies ReadonlyArray<{ what: string; options: BootOptions }>) {
  test(`A44 a container with ${what} stops immediately`, async () => {
    await using box = await boot({ ...options, main: waiting({ TERM: "exit 0" }) });
    await box.sees("ready");
    const { code } = await box.stopSoon(AT_ONCE_MS);
    assert.equal(code, 0);
  });
}

function hundred(run: string): Record<string, { run: string }> {
  return Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`s${i}`, { run }]));
}

test("A45 --no-kill-all-on-exit leaves other processes alone", async () => {
  await using box = await boot({
    args: ["--no-kill-all-on-exit"],
    notFirst: true,
    before: "trap '' CHLD",
    main: `(${tellsTerm("orphan")}) & until grep -qs x /tmp/go; do sleep 0.01; done; exit 3`,
    services: { s: { run: tellsTerm("service") } },
  });
  await box.sees("orphan-ready");
  await box.sees("service-ready");
  box.write("/tmp/go", "x");
  assert.equal((await box.ended()).code, 3);
  assert.equal(box.output.count("service-got-TERM"), 1);
  assert.equal(box.output.count("orphan-got-TERM"), 0);
  assert.equal(box.output.count("Killing all processes"), 0);
});

test("A45 when it is not PID 1 only its own descendants are killed", async () => {
  // PID 1 here is a plain program that starts a bystander, and my_init beside it.
  await using box = await boot({
    command: ["sh", "-c", `(${tellsTerm("bystander")}) & sleep 1000 & wait`],
    files: {
      "/opt/app": {
        content: `#!/bin/sh\n(${tellsTerm("orphan")}) & until grep -qs x /tmp/go; do sleep 0.01; done; exit 3\n`,
        mode: 0o755,
      },
    },
  });
  await box.sees("bystander-ready");
  const inner = box.exec(["my_init", "--skip-runit", "--", "/opt/app"]);
  // Its trap is set before its sleep begins; the main command sleeps as well, but not so long.
  const sleeping = () => box.processes().filter(({ args }) => args.join(" ") === "sleep 1000").length;
  await eventually("the orphan is ready", () => sleeping() === 3);
  box.write("/tmp/go", "x");
  const { code, stderr } = await inner;
  assert.equal(code, 3, stderr);
  assertOrder(stderr, ["Killing all processes", "orphan-got-TERM"]);
  assert.equal(box.output.count("bystander-got-TERM"), 0);
  assert.ok(box.find("sleep 1000"), "the bystander is gone");
});

import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { boot } from "../harness/container.ts";
import { EVENT_DEADLINE_MS, eventually, soon } from "../harness/deadline.ts";
import { assertOrder, STUBBORN, waiting } from "../harness/fixtures.ts";
import { test } from "../harness/test.ts";

/** Named signals that a main command may want to hear of, and the real-time ones but those that a C library keeps to itself. */
const FORWARDED: ReadonlyArray<readonly [name: string, number: number]> = [
  ...(["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGQUIT", "SIGCONT", "SIGALRM"] as const).map(
    (name) => [name, constants.signals[name]] as const,
  ),
  ...Array.from({ length: 31 }, (_, i) => [i === 0 ? "SIGRTMIN" : `SIGRTMIN+${i}`, 34 + i] as const),
];

/** A trap for each of these numbers that prints it. */
function telling(numbers: readonly number[]): Record<string, string> {
  return Object.fromEntries(numbers.map((number) => [number, `echo got-${number}. >&2`]));
}

test("A30 every forwardable signal reaches the main command, and the container goes on", async () => {
  await using box = await boot({ main: waiting(telling(FORWARDED.map(([, number]) => number))) });
  await box.sees("ready");
  for (const [, number] of FORWARDED) {
    box.signal(number);
    await box.sees(`got-${number}.`);
  }
  assert.equal(box.output.count("got-"), FORWARDED.length);
  assert.equal(box.process(1)?.name, "my_init");
});

test("A30 every forwardable signal runs its hook instead where there is one", async () => {
  const hooks = FORWARDED.map(([name, number]) => [name.replace("SIG", ""), `echo hook-${number}. >&2`]);
  await using box = await boot({
    main: waiting(telling(FORWARDED.map(([, number]) => number))),
    signalHooks: Object.fromEntries(hooks),
  });
  await box.sees("ready");
  for (const [, number] of FORWARDED) {
    box.signal(number);
    await box.sees(`hook-${number}.`);
  }
  assert.equal(box.output.count("got-"), 0);
});

test("A30 signals that mean nothing to a main command change nothing", async () => {
  const numbers = ["SIGPIPE", "SIGTTOU", "SIGTTIN", "SIGURG", "SIGIO", "SIGTSTP", "SIGVTALRM", "SIGXCPU"] as const;
  await using box = await boot({
    main: waiting(telling([...numbers.map((name) => constants.signals[name]), constants.signals.SIGUSR1])),
  });
  await box.sees("ready");
  for (const name of numbers) box.signal(name);
  box.signal("SIGUSR1");
  await box.sees(`got-${constants.signals.SIGUSR1}.`);
  assert.equal(box.output.count("got-"), 1);
  assert.equal(box.process(1)?.name, "my_init");
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`A30 ${signal} starts the shutdown, and the main command gets TERM`, async () => {
    await using box = await boot({ main: waiting({ TERM: "echo got-TERM >&2; exit 0", INT: "echo got-INT >&2" }) });
    await box.sees("ready");
    assert.equal((await box.stop(signal)).code, 0);
    assert.equal(box.output.count("got-TERM"), 1);
    assert.equal(box.output.count("got-INT"), 0);
  });
}

for (const { how, number, options } of [
  { how: "--stop-signal SIGQUIT", number: constants.signals.SIGQUIT, options: { args: ["--stop-signal", "SIGQUIT"] } },
  { how: "--stop-signal=WINCH", number: constants.signals.SIGWINCH, options: { args: ["--stop-signal=WINCH"] } },
  { how: "--stop-signal 10", number: constants.signals.SIGUSR1, options: { args: ["--stop-signal", "10"] } },
  { how: "STOP_SIGNAL=SIGRTMIN+3", number: 37, options: { env: { STOP_SIGNAL: "SIGRTMIN+3" } } },
  { how: "STOP_SIGNAL in the env directory", number: 12, options: { environment: { STOP_SIGNAL: "USR2\n" } } },
]) {
  test(`A30 ${how} is one more signal that stops`, async () => {
    await using box = await boot({ ...options, main: waiting({ TERM: "exit 5" }) });
    await box.sees("ready");
    assert.equal((await box.stop(number)).code, 5);
  });
}

test("A30 a STOP_SIGNAL that is none is named in a warning", async () => {
  await using box = await boot({ env: { STOP_SIGNAL: "SIGNOSUCH" }, main: waiting({ TERM: "exit 5" }) });
  await box.sees(/^\*\*\* .*STOP_SIGNAL="SIGNOSUCH"/m);
  await box.sees("ready");
  assert.equal((await box.stop()).code, 5);
});

test("A30 without a main command HUP rescans the services", async () => {
  await using box = await boot({
    services: { a: { run: waiting({}, "a-ready") } },
    files: { "/opt/services/b/run": { content: `#!/bin/sh\n${waiting({}, "b-ready")}`, mode: 0o755 } },
  });
  await box.sees("a-ready");
  // What is mounted over a directory changes it without a notification.
  assert.equal((await box.exec("mount --bind /opt/services /etc/service")).code, 0);
  box.signal("SIGHUP");
  await box.sees("b-ready");
});

test("A30 TERM that is there before the first instruction is a clean stop", async () => {
  // Blocked by the program before, so that the kernel keeps it for the one that follows.
  const perl = 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); kill TERM => $$; exec "/sbin/my_init"';
  await using box = await boot({
    command: ["perl", "-MPOSIX", "-e", perl],
    services: { s: { run: waiting() } },
    startup: { "10_a": "true" },
  });
  const { code } = await soon("the stop", box.exited, 1000);
  assert.ok(code === 0 || code === 143, `code ${code}`);
});

test("A30 TERM at any moment of the boot is a clean stop", async () => {
  const attempts = 20;
  // From the first line of the init until its service is up, as long as that takes here and now.
  let bootMs = 0;
  for (let attempt = attempts; attempt >= 0; attempt--) {
    await using box = await boot({ services: { s: { run: waiting() } }, startup: { "10_a": "true" } });
    spin("PID 1 is the init", () => readlinkSync(`/proc/${box.pid}/exe`).endsWith("shipshape"));
    // Before that it has not run at all, and the kernel drops what PID 1 does not handle. A busy machine can take long to get there.
    spin("its first line has run", () => !/^SigBlk:\s+0+$/m.test(readFileSync(`/proc/${box.pid}/status`, "utf8")));
    const firstLineAt = performance.now();
    if (attempt === attempts) {
      await box.sees("ready");
      bootMs = performance.now() - firstLineAt;
    } else while (performance.now() < firstLineAt + (bootMs * attempt) / attempts);
    const { code } = await box.stopSoon(1000);
    // A startup file may be running by then, or services, or nothing.
    assert.ok(code === 0 || code === 143, `code ${code} after ${attempt} of ${attempts} parts of ${bootMs} ms`);
  }
});

/** Waits without giving the processor away, for what is over in a moment. */
function spin(what: string, probe: () => boolean): void {
  const deadline = performance.now() + EVENT_DEADLINE_MS;
  while (!probe()) assert.ok(performance.now() < deadline, `gave up waiting until ${what}`);
}

test("A31 a second TERM shortens what is left to a second", async () => {
  await using box = await boot({ services: { s: { run: STUBBORN } }, postShutdown: { p: "true" } });
  await box.sees("stubborn");
  box.signal("SIGTERM");
  // Two that wait for the init are one.
  await box.sees("Told to stop by SIGTERM.");
  const { ms, code } = await box.stopSoon(2000);
  assert.ok(ms > 500, `took ${ms} ms`);
  assert.equal(code, 1);
  // A tenth of the second is the hook's; whether that is enough for it depends on the machine.
  assert.equal(box.output.count("Running /etc/my_init.post_shutdown.d/p..."), 1);
});

test("A31 a third TERM kills at once", async () => {
  await using box = await boot({ services: { s: { run: STUBBORN } }, startup: { "10_a": `(${STUBBORN}) &` } });
  await box.sees("stubborn", 2);
  box.signal("SIGTERM");
  await box.sees("Told to stop by SIGTERM.");
  box.signal("SIGTERM");
  await box.sees("Told to stop again");
  // Less than the second that the second one leaves.
  const { code } = await box.stopSoon(300);
  assert.equal(code, 1);
});

test("A31 a first TERM that comes when the shutdown is under way skips nothing of it", async () => {
  await using box = await boot({
    main: "exit 9",
    services: { s: { run: waiting({ TERM: "echo service-got-TERM >&2; exit" }, "service-ready") } },
    startup: { "10_wait": "until grep -qs x /tmp/go; do sleep 0.01; done" },
    preShutdown: { p: "echo pre-begins >&2; until grep -qs x /tmp/on; do sleep 0.01; done; echo pre-ends >&2" },
    postShutdown: { q: "echo post-ran >&2" },
  });
  box.write("/tmp/go", "x");
  await box.sees("pre-begins");
  box.signal("SIGTERM");
  // The signal is there; now let the hook go on.
  box.write("/tmp/on", "x");
  assert.equal((await box.ended()).code, 9);
  assertOrder(box.output.stderr, ["pre-begins", "pre-ends", "post-ran"]);
});

for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
] as const) {
  test(`A32 ${signal} during a startup file stops it with TERM, kills the rest and ends with ${128 + number}`, async () => {
    await using box = await boot({
      main: "echo main-ran >&2",
      startup: {
        "10_a": `(${waiting({ TERM: "echo orphan-got-TERM >&2; exit" }, "orphan-ready")}) & true`,
        "20_b": waiting({ TERM: "echo b-got-TERM >&2; exit 0" }),
        "30_c": "echo c-ran >&2",
      },
      services: { s: { run: "echo service-ran >&2" } },
      preShutdown: { p: "echo hook-ran >&2" },
      postShutdown: { p: "echo hook-ran >&2" },
    });
    await box.sees(/^ready$/m);
    await box.sees("orphan-ready");
    assert.equal((await box.stop(signal)).code, 128 + number);
    assertOrder(box.output.stderr, ["b-got-TERM", "*** Killing all processes...", "orphan-got-TERM"]);
    for (const never of ["c-ran", "main-ran", "service-ran", "hook-ran"])
      assert.equal(box.output.count(never), 0, never);
  });
}

test("A32 a startup file that ignores TERM is killed at its timeout", async () => {
  const env = { KILL_PROCESS_TIMEOUT: "300ms", SHUTDOWN_TIMEOUT: "1h" };
  await using box = await boot({ startup: { "10_a": STUBBORN }, env });
  await box.sees("stubborn");
  const { code, ms } = await box.stopSoon(2000);
  assert.equal(code, 143);
  assert.ok(ms >= 295, `took ${ms} ms`);
});

test("A32 a startup file that ignores TERM, and what it leaves behind, end in one budget", async () => {
  await using box = await boot({
    startup: { "10_a": `(${STUBBORN}) & ${STUBBORN}` },
    env: { SHUTDOWN_TIMEOUT: "2" },
  });
  await box.sees("stubborn", 2);
  const { code, ms } = await box.stopSoon(2700);
  assert.equal(code, 143);
  assert.ok(ms >= 1750, `took ${ms} ms`);
});

test("A30 a stop says at once which signal asked for it, but not with --quiet", async () => {
  for (const [args, times] of [
    [[], 1],
    [["--quiet"], 0],
  ] as const) {
    await using box = await boot({ args: [...args], main: waiting({ TERM: "exit 0" }) });
    await box.sees(/^ready$/m);
    await box.stop("SIGTERM");
    assert.equal(box.output.count("*** Told to stop by SIGTERM."), times);
  }
});

test("A33 every kind of child starts with default dispositions and an empty mask", async () => {
  const tell = (who: string) => `grep -E "Sig(Blk|Ign)|ShdPnd" /proc/self/status | sed "s/^/${who} /" >&2`;
  const kinds = ["startup", "rc", "run", "finish", "log", "control", "main", "hook", "pre", "post"];
  await using box = await boot({
    // What ignores or blocks signals in the program that starts the container must not reach the programs in it.
    before: "trap '' PIPE XFSZ TERM INT QUIT HUP USR1 CHLD",
    main: `${tell("main")}; ${waiting({ TERM: "exit 0" })}`,
    startup: { "10_a": tell("startup") },
    files: { "/etc/rc.local": { content: `#!/bin/sh\n${tell("rc")}`, mode: 0o755 } },
    services: {
      s: {
        run: `${tell("run")}; ${waiting({ TERM: "exit 0" }, "service-ready")}`,
        finish: tell("finish"),
        log: `${tell("log")}; exec cat`,
        control: { h: tell("control") },
      },
    },
    signalHooks: { USR1: tell("hook") },
    preShutdown: { p: tell("pre") },
    postShutdown: { p: tell("post") },
  });
  await box.sees(/^ready$/m);
  box.signal("SIGUSR1");
  await box.sv("hup", "s");
  for (const kind of kinds.slice(0, -3)) if (kind !== "finish") await box.sees(`${kind} SigIgn`);
  await box.sees("hook SigIgn");
  await box.stop();
  for (const kind of kinds) {
    for (const set of ["ShdPnd", "SigBlk", "SigIgn"]) {
      assert.match(box.output.stderr, new RegExp(`^${kind} ${set}:\\s+0000000000000000$`, "m"), `${kind} ${set}`);
    }
  }
});

test("A34 a shell on a terminal has job control, Ctrl-C leaves the container alone, and its exit code passes", async () => {
  await using box = await boot({ tty: true, args: ["--", "bash", "--norc"], env: { PS1: "prompt$ " } });
  await box.sees("prompt$ ");
  box.type("sleep 1000\r");
  await eventually("the shell runs sleep", () => box.find("sleep 1000"));
  box.type("\x03");
  await box.sees(/\^C.*prompt\$ /s);
  await eventually("sleep has ended", () => box.find("sleep 1000") === undefined);
  box.type("sleep 1001\r");
  await eventually("the shell runs sleep", () => box.find("sleep 1001"));
  box.type("\x1a");
  await box.sees(/Stopped\s+sleep 1001/);
  box.type("bg\r");
  await eventually("sleep goes on in the background", () => box.find("sleep 1001")?.state === "S");
  box.type("echo still-'here'\r");
  await box.sees("still-here");
  box.type("kill %1; exit 5\r");
  assert.equal((await box.ended()).code, 5);
  assert.equal(box.output.count("no job control"), 0);
});

test("A34 Ctrl-C on a terminal goes to a main command that is no shell, not to the init", async () => {
  await using box = await boot({ tty: true, main: `stty -echo; ${waiting({ INT: "echo main-got-INT; exit 6" })}` });
  await box.sees("ready");
  box.type("\x03");
  assert.equal((await box.ended()).code, 6);
  assertOrder(box.output.text, ["main-got-INT"]);
});

test("A34 Ctrl-C on a terminal stops a container that has no main command", async () => {
  await using box = await boot({ tty: true, services: { s: { run: waiting({ TERM: "exit 0" }) } } });
  await box.sees("ready");
  box.type("\x03");
  assert.equal((await box.ended()).code, 0);
});

test("A34 the main command stays in the init's session, and each service has its own", async () => {
  await using box = await boot({
    main: waiting({}, "main-ready"),
    services: { a: { run: waiting({}, "a-ready") }, b: { run: waiting({}, "b-ready"), log: "exec cat" } },
  });
  for (const text of ["main-ready", "a-ready", "b-ready"]) await box.sees(text);
  assert.equal(box.find("/opt/main")?.session, box.process(1)?.session);
  const leaders = box.processes().filter(({ args }) => args.join(" ").includes("./run") || args[0] === "cat");
  assert.equal(leaders.length, 3);
  for (const { pid, session } of leaders) assert.equal(session, pid);
});

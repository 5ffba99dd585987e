import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { assertOrder, STUBBORN, waiting } from "../harness/fixtures.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

const OPTIONS = [
  "--enable-insecure-key",
  "--skip-startup-files",
  "--skip-runit",
  "--no-kill-all-on-exit",
  "--quiet",
  "--stop-signal",
];

/** Startup file, service and main command that tell that they ran. */
const EVERYTHING = {
  startup: { "10_a": "echo startup-ran >&2" },
  services: { s: { run: waiting({}, "service-ran") } },
};

for (const option of ["-h", "--help"]) {
  test(`A01 ${option} prints every option and starts nothing`, async () => {
    await using box = await boot({ ...EVERYTHING, args: [option] });
    assert.equal((await box.ended()).code, 0);
    for (const word of ["usage: my_init", "-h", "--help", ...OPTIONS]) {
      assert.ok(box.output.stdout.includes(word), `help lacks ${word}`);
    }
    assert.equal(box.output.stderr, "");
  });
}

test("A01 without options everything is run", async () => {
  await using box = await boot({ ...EVERYTHING, main: waiting({}, "main-ran") });
  await box.sees("main-ran");
  await box.sees("service-ran");
  await box.sees("startup-ran");
});

test("A01 --skip-startup-files runs neither the init directory nor rc.local", async () => {
  await using box = await boot({
    ...EVERYTHING,
    args: ["--skip-startup-files"],
    files: { "/etc/rc.local": script("echo startup-ran >&2") },
  });
  await box.sees("service-ran");
  assert.equal((await box.stop()).code, 0);
  assert.equal(box.output.count("startup-ran"), 0);
});

test("A01 --skip-runit runs the main command without services", async () => {
  await using box = await boot({ ...EVERYTHING, args: ["--skip-runit"], main: "echo main-ran; exit 4" });
  assert.equal((await box.ended()).code, 4);
  assertOrder(box.output.stderr, ["startup-ran"]);
  assertOrder(box.output.stdout, ["main-ran"]);
  assert.equal(box.output.count("service-ran"), 0);
});

test("A01 --enable-insecure-key runs enable_insecure_key before the startup files", async () => {
  await using box = await boot({
    ...EVERYTHING,
    args: ["--enable-insecure-key", "--", "true"],
    files: { "/opt/sbin/enable_insecure_key": script("echo key-enabled >&2") },
    mounts: [{ source: "box:/opt/sbin", at: "/usr/sbin", type: "none", options: "bind" }],
  });
  assert.equal((await box.ended()).code, 0);
  assertOrder(box.output.stderr, ["key-enabled", "startup-ran"]);
});

test("A02 every unique prefix of an option is that option, and no other word is", async () => {
  await using box = await boot({ command: ["sleep", "1000"] });
  // With --skip-runit and no main command nothing is started: exit 1 tells that the other word was understood.
  const words = ["--help", ...OPTIONS].flatMap((option) => prefixes(option));
  const expected = words.map((word) => `${word} ${expectedCode(word)}`);
  const { stdout } = await box.exec(
    `for word in ${words.join(" ")}; do
       case $word in --st*) value=TERM;; *) value=;; esac
       my_init $word $value --skip-runit >/dev/null 2>&1; echo "$word $?"
     done`,
  );
  assert.deepEqual(stdout.trim().split("\n"), expected);
});

function prefixes(option: string): string[] {
  return Array.from({ length: option.length - 2 }, (_, i) => option.slice(0, i + 3));
}

function expectedCode(word: string): number {
  const matches = ["--help", ...OPTIONS].filter((option) => option.startsWith(word));
  if (matches.length !== 1) return 2;
  return matches[0] === "--help" ? 0 : 1;
}

test("A02 only the first -- is removed", async () => {
  await using box = await boot({ args: ["--skip-runit", "--", "printf", "[%s]", "--", "a", "--", "--quiet"] });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "[--][a][--][--quiet]");
});

test("A02 a main command needs no --, and what follows its name belongs to it", async () => {
  await using box = await boot({
    args: ["--skip-runit", "sh", "-c", 'echo "got $*"; exit 6', "sh", "--quiet", "--help"],
  });
  assert.equal((await box.ended()).code, 6);
  assert.equal(box.output.stdout, "got --quiet --help\n");
  assertOrder(box.output.stderr, ["*** Running sh -c"]);
});

for (const { args, culprit } of [
  { args: ["--nonsense"], culprit: "--nonsense" },
  { args: ["--skip"], culprit: "--skip" },
  { args: ["-x", "--", "true"], culprit: "-x" },
  { args: ["--quiet=1", "--", "true"], culprit: "--quiet" },
  { args: ["--stop-signal", "NOSUCH", "--", "true"], culprit: "NOSUCH" },
  { args: ["--stop-signal"], culprit: "--stop-signal" },
]) {
  test(`A02 \`my_init ${args.join(" ")}\` is a usage error that names the word and starts nothing`, async () => {
    await using box = await boot({ ...EVERYTHING, args });
    assert.equal((await box.ended()).code, 2);
    assert.ok(box.output.stderr.includes("usage: my_init"), "no usage line");
    assert.ok(box.output.stderr.includes(culprit), `does not name ${culprit}`);
    assert.doesNotMatch(box.output.text, /-ran/);
  });
}

test("A03 --skip-runit without a main command is refused", async () => {
  await using box = await boot({ ...EVERYTHING, args: ["--skip-runit"] });
  assert.equal((await box.ended()).code, 1);
  assert.equal(box.output.stderr, "*** When --skip-runit is given, you must also pass a main command.\n");
  assert.equal(box.output.stdout, "");
});

test("A04 --quiet silences the course of things and no warning, startup file, service or main command", async () => {
  await using box = await boot({
    args: ["--quiet"],
    main: waiting({ TERM: "exit 0" }, "main-ran"),
    services: { s: { run: waiting({}, "service-ran") }, broken: { files: { run: "echo no" } } },
    startup: { "10_a": "echo startup-ran >&2" },
  });
  for (const text of ["startup-ran", "service-ran", "main-ran", /\*\*\* cannot start service broken.*\n/])
    await box.sees(text);
  assert.equal((await box.stop()).code, 0);
  const own = box.output.lines.filter((line) => line.startsWith("*** "));
  assert.deepEqual(
    own.filter((line) => !line.includes("service broken")),
    [],
  );
});

test("A05 the messages of a start that goes well, all on stderr with their prefix", async () => {
  await using box = await boot({
    args: ["--", "sh", "-c", "echo main-said; exit 4"],
    startup: { "10_a": "echo startup-said" },
    files: { "/etc/rc.local": script("echo rc-said") },
    preShutdown: { p: "true" },
    postShutdown: { q: "true" },
  });
  assert.equal((await box.ended()).code, 4);
  assert.equal(box.output.stdout, "startup-said\nrc-said\nmain-said\n");
  assertOrder(box.output.stderr, [
    "*** Running /etc/my_init.d/10_a...\n",
    "*** Running /etc/rc.local...\n",
    "*** Running sh -c echo main-said; exit 4...\n",
    "*** sh exited with status 4.\n",
    "*** Running /etc/my_init.pre_shutdown.d/p...\n",
    "*** Running /etc/my_init.post_shutdown.d/q...\n",
    "*** Killing all processes...\n",
  ]);
  for (const line of box.output.stderr.trimEnd().split("\n")) assert.match(line, /^\*\*\* /);
});

test("A05 a message is written before what it announces has ended", async () => {
  await using box = await boot({ startup: { "10_a": "sleep 1000" } });
  await box.sees("*** Running /etc/my_init.d/10_a...\n");
});

test("A05 the message of a startup file that fails", async () => {
  await using box = await boot({ startup: { "10_a": "exit 3" } });
  assert.equal((await box.ended()).code, 1);
  assertOrder(box.output.stderr, ["*** /etc/my_init.d/10_a failed with status 3\n", "*** Killing all processes...\n"]);
});

test("A05 the messages of a stop by signal", async () => {
  await using box = await boot({ main: waiting({ TERM: "exit 0" }) });
  await box.sees("ready");
  const pid = box.find("/opt/main")?.pid;
  assert.equal((await box.stop()).code, 0);
  assertOrder(box.output.stderr, [
    `*** Shutting down /opt/main (PID ${pid})...\n`,
    "*** /opt/main exited with status 0.\n",
    "*** Killing all processes...\n",
  ]);
});

test("A05 the messages about processes that do not end in time", async () => {
  await using box = await boot({
    main: STUBBORN,
    env: { KILL_PROCESS_TIMEOUT: "200ms", KILL_ALL_PROCESSES_TIMEOUT: "200ms" },
    startup: { "10_orphan": `(${STUBBORN}) &` },
  });
  await box.sees("stubborn", 2);
  // The one that leads a process group; the orphan does not.
  const { pid } = await eventually("both have become what they run", () =>
    box.processes().find(({ pid, group, name }) => name === "sleep" && group === pid),
  );
  await box.stop();
  assertOrder(box.output.stderr, [
    `*** Shutting down /opt/main (PID ${pid})...\n`,
    `*** /opt/main (PID ${pid}) did not shut down in time. Forcing it to exit.\n`,
    "*** Killing all processes...\n",
    "*** Not all processes have exited in time. Forcing them to exit.\n",
  ]);
});

test("A05 the message of a start that is given up", async () => {
  await using box = await boot({ startup: { "10_a": waiting() } });
  await box.sees("ready");
  await box.stop();
  assertOrder(box.output.stderr, ["*** Shutting down /etc/my_init.d/10_a (PID ", "*** Init system aborted.\n"]);
});

for (const [where, spec] of [
  ["environment", { env: { KILL_PROCESS_TIMEOUT: "400ms", SHUTDOWN_TIMEOUT: "1h" } }],
  ["env directory", { environment: { KILL_PROCESS_TIMEOUT: "400ms\n", SHUTDOWN_TIMEOUT: "1h\n" } }],
] as const) {
  // What waits longer than it says waits for hours, or for the 30 seconds of the default.
  test(`A06 KILL_PROCESS_TIMEOUT is taken from the ${where}`, async () => {
    await using box = await boot({ main: STUBBORN, ...spec });
    await box.sees("stubborn");
    const { ms, code } = await box.stopSoon(3000);
    assert.equal(code, 137);
    assert.ok(ms >= 395, `took ${ms} ms`);
  });

  test(`A06 KILL_ALL_PROCESSES_TIMEOUT is taken from the ${where}`, async () => {
    const variables = { KILL_ALL_PROCESSES_TIMEOUT: "400ms", SHUTDOWN_TIMEOUT: "1h" };
    await using box = await boot({
      ...(where === "environment" ? { env: variables } : { environment: variables }),
      startup: { "10_orphan": `(${STUBBORN}) &` },
      services: { s: { run: waiting() } },
    });
    await box.sees("stubborn");
    await box.sees("ready");
    const { ms, code } = await box.stopSoon(3000);
    assert.equal(code, 1);
    assert.ok(ms >= 395, `took ${ms} ms`);
  });

  test(`A06 ENV_INIT_DIRECTORY is taken from the ${where}`, async () => {
    const variables = { ENV_INIT_DIRECTORY: "/opt/start" };
    await using box = await boot({
      ...(where === "environment" ? { env: variables } : { environment: variables }),
      args: ["--", "true"],
      startup: { "10_a": "echo usual-ran" },
      files: { "/opt/start/10_b": script("echo other-ran") },
    });
    assert.equal((await box.ended()).code, 0);
    assert.equal(box.output.stdout, "other-ran\n");
  });
}

for (const [text, ms] of [
  ["1", 1000],
  ["0.7", 700],
  ["1s", 1000],
  ["700ms", 700],
  ["0.0125m", 750],
] as const) {
  test(`A06 a timeout of ${text} is ${ms} ms`, async () => {
    await using box = await boot({ main: STUBBORN, env: { KILL_PROCESS_TIMEOUT: text, SHUTDOWN_TIMEOUT: "1h" } });
    await box.sees("stubborn");
    const exit = await box.stopSoon(ms + 2000);
    assert.ok(exit.ms >= ms - 5, `took ${exit.ms} ms`);
    assert.equal(box.output.count("KILL_PROCESS_TIMEOUT"), 0);
  });
}

test("A06 what is no duration is named in a warning, and the default counts", async () => {
  const names = ["KILL_PROCESS_TIMEOUT", "KILL_ALL_PROCESSES_TIMEOUT", "SHUTDOWN_TIMEOUT", "SERVICE_BACKOFF"];
  for (const value of ["", "five", "-1", "1.2.3", "5 s", "1e3", "inf", "99999999999999999999"]) {
    await using box = await boot({ env: Object.fromEntries(names.map((name) => [name, value])), args: ["--", "true"] });
    assert.equal((await box.ended()).code, 0, `with ${JSON.stringify(value)}`);
    for (const name of names) {
      const warnings = box.output.lines.filter(
        (line) => line.startsWith("*** ") && line.includes(`${name}="${value}"`),
      );
      assert.equal(
        warnings.length,
        1,
        `${name}=${JSON.stringify(value)}: ${warnings.length} warnings\n${box.output.text}`,
      );
    }
  }
});

test("A01 a second my_init in a container is refused, and changes nothing", async () => {
  await using box = await boot({
    startup: { "10_a": "echo startup-ran >&2" },
    services: { s: { run: waiting({}, "service-ready") } },
    postShutdown: { p: "echo hook-ran >&2" },
    files: { "/etc/container_environment": { directory: true }, "/etc/shipshape/logd.conf": "" },
  });
  await box.sees("service-ready");
  const before = await box.sv("status", "s");
  for (const args of [[], ["--", "true"]]) {
    const { code, stderr } = await box.exec(["env", "OTHER=1", "my_init", ...args]);
    assert.equal(
      stderr,
      "*** my_init runs in this container already: sv controls its services, and a command needs no my_init\n",
    );
    assert.equal(code, 1);
  }
  const guest = await box.exec(["my_init", "--skip-runit", "--skip-startup-files", "--", "sh", "-c", "exit 7"]);
  assert.equal(guest.code, 7);
  assert.doesNotMatch(guest.stderr, /hook-ran/);
  assert.match(await box.sv("status", "s"), new RegExp(`^${before.replace(/ \d+s$/, "").replaceAll(/[()]/g, "\\$&")}`));
  await box.exec("logger --socket-errors=on -t after said");
  await box.sees(/after: said/);
  assert.equal(box.output.count("steps aside"), 0);
  assert.equal(box.output.count("startup-ran"), 1);
  assert.equal(box.output.count("service-ready"), 1);
});

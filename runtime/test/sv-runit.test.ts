import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { boot, type Container } from "./harness/container.ts";
import { STUBBORN } from "./harness/fixtures.ts";
import type { ServiceSpec } from "./harness/rootfs.ts";
import { test } from "./harness/test.ts";

/**
 * The same service directories under runit and under ours, the same `sv` command lines: what they print must differ in nothing but pids and
 * seconds, and the exit codes in nothing at all. Reasons that ours adds on stderr are no part of that.
 */
const RUNIT_SV = "/usr/bin/sv";
const RUNSVDIR = "/usr/bin/runsvdir";

const SLEEP = "exec sleep 1000";

const SERVICES: Readonly<Record<string, ServiceSpec>> = {
  plain: { run: SLEEP },
  second: { run: SLEEP },
  logged: { run: SLEEP, log: "exec cat >/dev/null" },
  idle: { run: SLEEP, down: true },
  quick: { run: "exit 1", down: true },
  stubborn: { run: STUBBORN },
  stubborn2: { run: STUBBORN },
  stubborn3: { run: STUBBORN },
  lingering: { run: SLEEP, finish: "exec sleep 1000" },
  available: { run: SLEEP, check: "exit 0" },
  unavailable: { run: SLEEP, check: "exit 3" },
  "with blank": { run: SLEEP },
  leaving: { run: SLEEP },
  staying: { run: STUBBORN },
};

/** Command lines in order. Each leaves its services in a state that lasts, so that both sides have the same time to answer in. */
const STEPS: readonly (readonly string[])[] = [
  ["status", "plain", "logged", "idle"],
  ["stat", "plain"],
  ["s", "with blank"],
  ["starx", "plain"],
  ["status", "nothere", "plain"],
  ["status", "/etc/service/plain", "./etc/service/plain", "etc/service/plain", "etc/service/plain/", "plain/"],
  ["status", "/etc/passwd", "passwd/x", ""],
  ["status", "--", "-v"],
  ["--", "status", "plain"],
  ["-v", "up", "plain"],
  ["start", "plain"],
  ["check", "plain"],
  ["reload", "idle"],
  ["-v", "pause", "plain"],
  ["status", "plain"],
  ["-v", "cont", "plain"],
  ["status", "plain"],
  ["stop", "plain"],
  ["stop", "plain"],
  ["status", "plain"],
  ["check", "plain"],
  ["try-restart", "plain"],
  ["-v", "hup", "plain"],
  ["-v", "kill", "plain"],
  ["-w", "60", "start", "plain", "nothere", "second"],
  ["-v", "once", "idle"],
  ["status", "idle"],
  ["check", "idle"],
  ["-w60", "down", "idle"],
  ["status", "idle"],
  ["start", "idle"],
  ["status", "idle"],
  ["stop", "logged"],
  ["status", "logged"],
  ["stop", "logged/log"],
  ["status", "logged", "logged/log"],
  ["start", "logged/log"],
  ["status", "logged/log"],
  ["-w1", "stop", "stubborn"],
  ["status", "stubborn"],
  ["-w", "1", "restart", "stubborn"],
  ["status", "stubborn"],
  ["-v", "hup", "stubborn"],
  ["-w1", "force-stop", "stubborn2"],
  ["-w60", "stop", "stubborn2"],
  ["-w1", "try-restart", "stubborn3"],
  ["-w1", "force-restart", "stubborn3"],
  ["-w60", "start", "stubborn3"],
  ["-w1", "stop", "lingering"],
  ["status", "lingering"],
  ["start", "available"],
  ["check", "available"],
  ["restart", "available"],
  ["-w1", "check", "unavailable"],
  ["-w1", "start", "unavailable"],
  ["-w1", "-v", "up", "unavailable"],
  ["-w1", "-v", "once", "unavailable"],
  ["stop", "unavailable"],
  ["-v", "restart", "second"],
  ["-w1", "shutdown", "staying"],
  ["-w1", "force-shutdown", "staying"],
  ["-w1", "T", "stubborn"],
  ["-w3", "start", "stubborn"],
  ["-w1", "D", "stubborn"],
];

/** Command lines that are wrong: only the exit code and that something is said count. */
const WRONG: readonly (readonly string[])[] = [
  [],
  ["down"],
  ["zzz", "plain"],
  ["r", "plain"],
  ["relo", "plain"],
  ["force-x", "plain"],
  ["3", "plain"],
  ["", "plain"],
  ["-x", "status", "plain"],
  ["-w"],
  ["-w", "1"],
  ["-V"],
];

/** Scripts in /etc/init.d that are links to `sv`, with their arguments. */
const SCRIPTS: readonly (readonly [string, ...string[]])[] = [
  ["plain", "status"],
  ["plain", "restart"],
  ["plain", "stop"],
  ["plain", "status"],
  ["plain", "start", "second"],
  ["plain", "force-reload"],
  ["quick", "status"],
  ["nothere", "stop"],
  ["plain"],
  ["plain", "stat"],
  ["plain", "zzz"],
];

/** Only the first letter of these counts; the service is down, so they do nothing. */
const LETTERS = "c co ch checkx t try tr term a alarmx h hu i q k kx p 11 22 2z d down-now".split(" ");

const OUR_REASON = /^sv: \S+: \/etc\/service\/\S+\/check does not succeed$/;

function masked(text: string): string[] {
  const lines = text
    .replaceAll(/\(pid \d+\)/g, "(pid P)")
    .replaceAll(/\b\d+s\b/g, "Ts")
    .split("\n");
  return lines.filter((line) => line !== "").sort();
}

async function transcript(box: Container, sv: string): Promise<string[]> {
  const lines: string[] = [];
  for (const step of STEPS) {
    // force-restart ends when KILL is sent: what was killed is reaped at the system's leisure.
    if (step.includes("start"))
      await box.exec(`while ${sv} status stubborn3 | grep -q "got TERM"; do sleep 0.05; done`);
    const { code, stdout, stderr } = await box.exec([sv, ...step]);
    lines.push(
      `$ sv ${step.join(" ")}`,
      ...masked(stdout),
      ...masked(stderr)
        .filter((line) => !OUR_REASON.test(line))
        .map((line) => `stderr: ${line}`),
      `=> ${code}`,
    );
  }
  for (const step of WRONG) {
    const { code, stdout, stderr } = await box.exec([sv, ...step]);
    lines.push(`$ sv ${step.join(" ")}`, stdout, `=> ${code} ${stderr.includes("usage: sv [-v] [-w sec] command")}`);
  }
  // A script of /etc/init.d is a link to sv.
  await box.exec(
    `mkdir -p /etc/init.d; for name in plain quick nothere; do ln -sf $(command -v ${sv}) /etc/init.d/$name; done`,
  );
  await box.exec(["/etc/init.d/plain", "start"]);
  for (const [script, ...args] of SCRIPTS) {
    const { code, stdout, stderr } = await box.exec([`/etc/init.d/${script}`, ...args]);
    lines.push(`$ ${script} ${args.join(" ")}`, ...masked(stdout), `=> ${code} ${stderr.includes("usage: ")}`);
  }
  for (const letter of LETTERS) {
    const { code, stdout, stderr } = await box.exec([sv, letter, "quick"]);
    lines.push(`$ sv ${letter} quick`, `${stdout}${stderr}=> ${code}`);
  }
  return lines;
}

test("A82 sv prints and returns what runit's sv does", async () => {
  assert.ok(existsSync(RUNIT_SV) && existsSync(RUNSVDIR), "this test compares with runit: apt-get install runit");
  // What is not told how long to wait shall have the time that it takes.
  const env = { SVWAIT: "60" };
  await using runit = await boot({ command: [RUNSVDIR, "-P", "/etc/service"], services: SERVICES, env });
  await using ours = await boot({ services: SERVICES, env });
  // runit answers status from its files as soon as its supervisor of the last service runs.
  for (const [box, sv] of [
    [runit, RUNIT_SV],
    [ours, "sv"],
  ] as const) {
    await box.exec(`until ${sv} -w9 check plain second stubborn staying leaving available logged; do sleep 0.1; done`);
  }
  const [theirs, mine] = await Promise.all([transcript(runit, RUNIT_SV), transcript(ours, "sv")]);
  assert.deepEqual(mine, theirs);
}, 300_000);

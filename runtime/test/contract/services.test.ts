import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { boot, type Container } from "../harness/container.ts";
import { eventually, soon } from "../harness/deadline.ts";
import { assertOrder, waiting } from "../harness/fixtures.ts";
import { script, serviceFiles } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

/** Puts a service directory together elsewhere and moves it to /etc/service, as one change. */
function addService(box: Container, name: string, run: string): void {
  for (const [path, file] of Object.entries(serviceFiles(`/tmp/new-${name}`, { run }))) box.write(path, file);
  renameSync(box.path(`/tmp/new-${name}`), box.path(`/etc/service/${name}`));
}

/** Pid that `sv` tells. */
async function pidOf(box: Container, service: string): Promise<number> {
  return Number(/\(pid (\d+)\)/.exec(await box.sv("status", service))?.[1]);
}

/** Milliseconds between the lines `NAME at SECONDS`. */
function gaps(box: Container, name: string): number[] {
  const times = [...box.output.text.matchAll(new RegExp(`^${name} at (\\S+)$`, "gm"))].map(
    ([, at]) => Number(at) * 1000,
  );
  return times.slice(1).map((time, i) => Math.round(time - (times[i] as number)));
}

/** Without a fork, so that a life stays short on a slow machine; in steps of 10 ms. */
const TELL_TIME = (name: string) => `read -r up _ </proc/uptime; echo "${name} at $up" >&2`;
/** What a test waits for is never a restart that was put off this long. */
const NO_RESTART = { SERVICE_BACKOFF: "1h", SERVICE_BACKOFF_MAX: "1h" };

test("A80 services are started at boot, but not those with a down file, dot-names and plain files", async () => {
  await using box = await boot({
    main: waiting(),
    services: {
      a: { run: waiting({}, "a-ready") },
      b: { run: waiting({}, "b-ready"), down: true },
      ".c": { run: waiting({}, "c-ready") },
      z: { run: waiting({}, "z-ready") },
    },
    files: { "/etc/service/plain": "x", "/etc/service/dangling": { link: "/nowhere" } },
  });
  await box.sees("a-ready");
  await box.sees("z-ready");
  assert.match(await box.sv("status", "a"), /^run: a: \(pid \d+\) \d+s$/);
  assert.match(await box.sv("status", "b"), /^down: b: \d+s$/);
  assert.equal(box.output.count("b-ready") + box.output.count("c-ready"), 0);
  for (const name of ["plain", "dangling"]) {
    assert.equal(
      box.output.lines.filter((line) => line.startsWith("*** ") && line.includes(`/etc/service/${name}`)).length,
      1,
    );
  }
});

test("A80 a service directory may be a link", async () => {
  await using box = await boot({
    files: {
      "/etc/sv/real/run": script(`echo "in $(pwd -P)" >&2; ${waiting()}`),
      "/etc/service/linked": { link: "/etc/sv/real" },
    },
  });
  await box.sees("in /etc/sv/real");
  assert.match(await box.sv("status", "linked"), /^run: linked: /);
  assert.match(await box.sv("status", "/etc/sv/real"), /^run: \/etc\/sv\/real: /);
});

test("A80 a new directory is started at once, a removed one is stopped, a renamed one is both", async () => {
  await using box = await boot({
    main: waiting(),
    services: { old: { run: waiting({ TERM: "echo old-got-TERM >&2; exit" }, "old-ready") } },
  });
  await box.sees("old-ready");
  addService(box, "new", waiting({ TERM: "echo new-got-TERM >&2; exit" }, "new-ready"));
  await soon("the start of the new service", box.sees("new-ready"), 1000);
  box.write("/etc/service/old", null);
  await box.sees("old-got-TERM");
  await eventually("sv does not know it", async () => /^(fail|warning): old: /.test(await box.sv("status", "old")));
  renameSync(box.path("/etc/service/new"), box.path("/etc/service/newer"));
  await box.sees("new-got-TERM");
  await box.sees("new-ready", 2);
  await eventually("the new name runs", async () => (await box.sv("status", "newer")).startsWith("run: newer:"));
});

test("A80 a directory that is made step by step is started when it is complete", async () => {
  await using box = await boot({ main: waiting(), env: NO_RESTART });
  await box.sees("ready");
  await box.exec(`cd /etc/service && mkdir s && sleep 0.2 && printf '#!/bin/sh\\n' >s/run && sleep 0.2 &&
    printf 'echo service-ready >&2; exec sleep 1000\\n' >>s/run && sleep 0.2 && chmod +x s/run`);
  await box.sees("service-ready");
});

test("A80 a service directory that appears after the boot is noticed even where there was none", async () => {
  await using box = await boot({ main: waiting(), files: { "/etc/service": null } });
  await box.sees("ready");
  box.write("/etc/service", { directory: true });
  addService(box, "s", waiting({}, "service-ready"));
  await box.sees("service-ready");
});

test("A80 a service that had been up is started again at once", async () => {
  await using box = await boot({ services: { s: { run: waiting() } }, env: NO_RESTART });
  await box.sees("ready");
  // What "had been up" is.
  await box.exec("sleep 1.1");
  const pid = await pidOf(box, "s");
  await box.exec(`kill -9 ${pid}`);
  await box.sees("ready", 2);
  assert.match(box.output.stderr, /^\*\*\* .*service s .*SIGKILL/m);
  assert.notEqual(await pidOf(box, "s"), pid);
});

/** The delays of less than a second that the init announces for this service, in milliseconds. */
function announced(box: Container, service: string): number[] {
  const pattern = new RegExp(`service ${service} exited .* restarting it in (\\d+) ms$`, "gm");
  return [...box.output.text.matchAll(pattern)].map(([, delay]) => Number(delay));
}

test("A80 a service that dies at once is started with delays that double up to a ceiling", async () => {
  await using box = await boot({
    services: { s: { run: `${TELL_TIME("start")}; exit 1` } },
    env: { SERVICE_BACKOFF: "100ms", SERVICE_BACKOFF_MAX: "400ms" },
  });
  await box.sees("start at", 7);
  const wanted = [100, 200, 400, 400, 400, 400];
  assert.deepEqual(announced(box, "s").slice(0, 6), wanted);
  for (const [i, gap] of gaps(box, "start").entries()) {
    assert.ok(gap >= (wanted[i] ?? 0) - 15, `the ${i + 1}th delay is only ${gap} ms`);
  }
});

test("A80 a service that was up for the reset time starts with a clean record", async () => {
  // Dies at once three times, lives for longer than the reset time, and dies at once again.
  const run = "read -r n <n; echo $((n + 1)) >n; [ $n = 3 ] && sleep 3; echo life-$n >&2; exit 1";
  await using box = await boot({
    services: { s: { run, files: { n: "0\n" } } },
    env: { SERVICE_BACKOFF: "100ms", SERVICE_BACKOFF_MAX: "10", SERVICE_BACKOFF_RESET: "2500ms" },
  });
  await box.sees("life-5");
  // The long life is followed by a start at once; without the reset the next delay would be 0.8 s.
  assert.deepEqual(announced(box, "s").slice(0, 4), [100, 200, 400, 100]);
});

test("A80 what run leaves behind when it ends is named, what ends soon is not", async () => {
  await using box = await boot({
    services: {
      leaves: { run: "sleep 1001; true" },
      tidy: { run: waiting({ TERM: "kill $!; exit 1" }, "tidy-ready") },
    },
  });
  await box.sees("tidy-ready");
  await eventually("the shell has started its command", () => box.find("sleep 1001") !== undefined);
  await box.exec("sv -v term leaves tidy");
  const [, pid] = await box.sees(/^\*\*\* service leaves has ended but left sleep \(PID (\d+)\) running: .*exec/m);
  assert.equal(box.process(Number(pid))?.name, "sleep");
  assert.doesNotMatch(box.output.stderr, /service tidy has ended but/);
});

test("A80 a service that exits at once with 0 is told that run has to stay", async () => {
  await using box = await boot({ services: { s: { run: "setsid sleep 1000 & exit 0" } } });
  await box.sees(
    /^\*\*\* service s exited with status 0 after (\d+ ms|\d s) \(run has to stay in the foreground\): restarting/m,
  );
});

test("A80 an exit that sv asked for is no failure", async () => {
  await using box = await boot({
    services: { s: { run: waiting({ TERM: "exit 1" }) } },
    env: NO_RESTART,
  });
  await box.sees("ready");
  for (const [i, command] of ["restart", "term", "kill"].entries()) {
    await box.exec(["sv", command, "s"]);
    await box.sees("ready", i + 2);
  }
});

test("A81 run starts in its directory, in its own session, with stdin at its end", async () => {
  await using box = await boot({
    stdin: true,
    services: { s: { run: `echo "in $PWD, read $(wc -c)" >&2; ${waiting()}` } },
  });
  await box.sees("in /etc/service/s, read 0");
  const pid = await pidOf(box, "s");
  assert.equal(box.process(pid)?.session, pid);
  assert.equal(box.process(pid)?.group, pid);
});

test("A81 finish gets the exit code and the low byte of the wait status", async () => {
  const ends = ["exit 0", "exit 3", "exit 255", "kill -9 $$", "kill -15 $$", "kill -1 $$"];
  await using box = await boot({
    services: Object.fromEntries(
      ends.map((end, i) => [`s${i}`, { run: end, finish: `echo "s${i} finish $# $1 $2 in $PWD" >&2; sv down s${i}` }]),
    ),
  });
  for (const [i, args] of ["0 0", "3 0", "255 0", "-1 9", "-1 15", "-1 1"].entries()) {
    await box.sees(`s${i} finish 2 ${args} in /etc/service/s${i}`);
  }
});

test("A81 finish is complete before the next start", async () => {
  await using box = await boot({
    services: { s: { run: "echo run-begins >&2; exit 1", finish: "sleep 0.2; echo finish-ends >&2" } },
    env: { SERVICE_BACKOFF: "0" },
  });
  await box.sees("run-begins", 3);
  assertOrder(box.output.stderr, ["run-begins", "finish-ends", "run-begins", "finish-ends", "run-begins"]);
});

test("A81 what a service writes reaches its log across restarts of either side", async () => {
  const log = 'while read line; do echo "$line" >>/var/log/s; [ $((n = n + 1)) = 100 ] && exit 1; done';
  await using box = await boot({
    services: {
      s: { run: "for i in 1 2 3 4 5 6 7 8 9 10; do echo line; done; exit 1", log: `exec 2>/dev/null; ${log}` },
    },
    env: { SERVICE_BACKOFF: "0" },
  });
  await eventually("the log has grown over three lives of its own", () => box.size("/var/log/s") > 5 * 350);
  await box.sv("down", "s");
  await eventually("it is down", async () => (await box.sv("status", "s")).startsWith("down: s:"));
  const complete = box.read("/var/log/s").split("\n").slice(0, -1);
  assert.ok(
    complete.every((line) => line === "line"),
    "a line was torn",
  );
});

test("A82 sv tells and changes the state of services in runit's words", async () => {
  await using box = await boot({
    services: {
      s: { run: waiting({ TERM: "exit 0", HUP: "echo got-HUP >&2" }) },
      l: { run: "exec sleep 1000", log: "exec cat" },
      d: { run: "exec sleep 1000", down: true },
    },
  });
  await box.sees("ready");
  assert.match(await box.sv("status", "s"), /^run: s: \(pid \d+\) \d+s$/);
  assert.match(
    await box.sv("status", "/etc/service/l"),
    /^run: \/etc\/service\/l: \(pid \d+\) \d+s; run: log: \(pid \d+\) \d+s$/,
  );
  assert.match(await box.sv("start", "d"), /^ok: run: d: \(pid \d+\) \d+s, normally down$/);
  assert.match(await box.sv("stop", "s"), /^ok: down: s: \d+s, normally up$/);
  await box.sv("start", "s");
  await box.sees("ready", 2);
  const before = await pidOf(box, "s");
  assert.match(await box.sv("restart", "s"), /^ok: run: s: \(pid \d+\) \d+s$/);
  assert.notEqual(await pidOf(box, "s"), before);
  await box.sees("ready", 3);
  await box.sv("reload", "s");
  await box.sees("got-HUP");
  assert.equal((await box.exec(["sv", "status", "nosuch"])).code, 1);
  assert.equal((await box.exec(["sv"])).code, 100);
});

test("A82 a service may start another with sv as soon as it runs itself", async () => {
  for (let round = 0; round < 10; round++) {
    await using box = await boot({
      services: { a: { run: "sv start z >&2; exec sleep 1000" }, z: { run: "exec sleep 1000", down: true } },
      env: NO_RESTART,
    });
    await box.sees(/^ok: run: z: /m);
  }
});

test("A83 check decides when a start is done", async () => {
  await using box = await boot({
    main: waiting(),
    services: {
      s: { run: "sleep 0.6; echo up >up; exec sleep 1000", check: "test -e up", finish: "rm -f up", down: true },
    },
  });
  await box.sees(/^ready$/m);
  const start = performance.now();
  assert.match(await box.sv("start", "s"), /^ok: run: s: /);
  assert.ok(performance.now() - start >= 600, "it did not wait for check");
  await box.sv("stop", "s");
  const { code, stdout } = await box.exec(["sv", "-w", "0", "start", "s"]);
  assert.equal(code, 1);
  assert.match(stdout, /^timeout: run: s: /);
});

test("A83 control/t that exits with 0 replaces the TERM, any other status does not", async () => {
  const service = (code: number) => ({
    run: waiting({ TERM: `echo got-TERM-${code} >&2; exit` }, `ready-${code}`),
    control: { t: `echo control-${code} >&2; exit ${code}` },
  });
  await using box = await boot({ services: { s0: service(0), s1: service(1) } });
  await box.sees("ready-0");
  await box.sees("ready-1");
  await box.exec("sv term s0; sv term s1");
  await box.sees("control-0");
  await box.sees("got-TERM-1");
  assert.equal(box.output.count("got-TERM-0"), 0);
});

test("A83 control/t may send another signal by sv, also while the container stops", async () => {
  await using box = await boot({
    services: { s: { run: waiting({ QUIT: "echo got-QUIT >&2; exit" }, "ready-s"), control: { t: "sv quit s" } } },
  });
  await box.sees("ready-s");
  assert.equal((await box.stop()).code, 0);
  assert.equal(box.output.count("got-QUIT"), 1);
});

test("A84 chpst in a run script sets user, environment, limits and name as runit's does", async () => {
  await using box = await boot({
    services: {
      s: {
        run: `exec chpst -u app:www-data -e ./env -b other-name -o 200 -P ./tell`,
        files: {
          "env/FROM_DIR": "value\n",
          "env/HOME": "",
          tell: script(`echo "$(id -u) $(id -G) $FROM_DIR \${HOME-unset} $(ulimit -n) $0" >&2; exec sleep 1000`),
        },
      },
    },
  });
  await box.sees("1000 33 value unset 200 ");
});

test("A84 a log with svlogd's habits works: directory, TERM ignored, ends with its input", async () => {
  await using box = await boot({
    services: {
      s: {
        run: "echo first; echo second >&2; exec sleep 1000",
        log: "exec chpst -u app ./collect",
        files: { "log/collect": script("trap '' TERM; exec cat >/tmp/current") },
      },
    },
  });
  await eventually(
    "the log has what the service wrote",
    () => box.has("/tmp/current") && box.read("/tmp/current") === "first\n",
  );
  await box.sees("second");
  assert.equal((await box.stop()).code, 0);
});

for (const { what, run, cause } of [
  { what: "without #! line", run: { content: "echo hello\n", mode: 0o755 }, cause: "no #! line" },
  { what: "that is not executable", run: { content: "#!/bin/sh\n", mode: 0o644 }, cause: "not executable" },
  { what: "that is missing", run: null, cause: "no such file" },
  {
    what: "with Windows line ends",
    run: { content: "#!/bin/sh\r\nexec sleep 1000\r\n", mode: 0o755 },
    cause: "Windows line ends",
  },
  { what: "whose interpreter is missing", run: { content: "#!/opt/no/sh\n", mode: 0o755 }, cause: "/opt/no/sh" },
  { what: "that is a directory", run: { directory: true as const }, cause: "directory" },
  { what: "that is empty", run: { content: "", mode: 0o755 }, cause: "empty" },
]) {
  test(`A85 a run ${what} gives one line with file and cause, then a back-off, and starts once it is fixed`, async () => {
    await using box = await boot({
      main: waiting(),
      services: { s: { files: run === null ? {} : { run } } },
      env: NO_RESTART,
    });
    const [line] = await box.sees(/^\*\*\* .*\/etc\/service\/s\/run.*$/m);
    assert.ok(line.includes(cause), line);
    await box.sees(/^ready$/m);
    const { stdout, stderr } = await box.exec("sv status s");
    assert.match(stdout, /^down: s: \d+s, normally up, want up\n$/);
    assert.ok(stderr.startsWith("sv: s: cannot start it: ") && stderr.includes(cause), stderr);
    const lines = box.output.lines.filter((text) => text.startsWith("*** ") && text.includes("service s"));
    assert.equal(lines.length, 1, lines.join("\n"));
    box.write("/etc/service/s/run", null);
    box.write("/etc/service/s/run", script("echo fixed >&2; exec sleep 1000"));
    await box.sees("fixed");
  });
}

test("A85 a broken service does not hold up the others, and is tried again after its back-off", async () => {
  await using box = await boot({
    services: {
      broken: { files: { run: { content: "#!/opt/no/sh\n", mode: 0o755 } } },
      good: { run: waiting({}, "good-ready") },
    },
    env: { SERVICE_BACKOFF: "1" },
  });
  await box.sees("good-ready");
  await box.sees(/cannot start service broken/, 2);
  assert.equal((await box.stop()).code, 0);
});

import assert from "node:assert/strict";
import { boot, type Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { STUBBORN, waiting } from "../harness/fixtures.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

const SLEEP = { run: "exec sleep 1000" };

async function pidOf(box: Container, name: string): Promise<number> {
  const line = await box.sv("status", name);
  return Number(/\(pid (\d+)\)/.exec(line)?.[1] ?? assert.fail(line));
}

async function booted(options: Parameters<typeof boot>[0]): Promise<Container> {
  const box = await boot(options);
  await eventually("sv can talk to the init", async () => (await box.exec(["sv", "status"])).code === 0);
  return box;
}

test("A82 sv status without a name tells about every service", async () => {
  await using box = await booted({
    services: { b: SLEEP, a: { ...SLEEP, down: true }, "c d": { ...SLEEP, log: "exec cat" } },
  });
  const masked = (await box.sv("status")).replaceAll(/\d+/g, "N").split("\n");
  assert.deepEqual(masked, ["down: a: Ns", "run: b: (pid N) Ns", "run: c d: (pid N) Ns; run: log: (pid N) Ns"]);
});

test("A82 the exit code of sv counts the failures, 99 at most", async () => {
  await using box = await booted({ services: { s: SLEEP } });
  for (const [failures, code] of [
    [0, 0],
    [2, 2],
    [99, 99],
    [150, 99],
  ] as const) {
    const names = Array.from({ length: failures }, (_, index) => `nosuch${index}`);
    assert.equal((await box.exec(["sv", "status", "s", ...names])).code, code);
    assert.equal((await box.exec(["sv", "up", ...names, "s"])).code, code);
  }
});

test("A82 sv finds services below SVDIR and by any path that leads to them", async () => {
  await using box = await booted({
    services: { s: { ...SLEEP, log: "exec cat" } },
    files: { "/links/alias": { link: "/etc/service/s" }, "/links/stray/run": script("exec sleep 1") },
  });
  for (const text of [
    "SVDIR=/links sv status alias",
    "SVDIR=/links sv status alias/log",
    "sv status /links/alias",
    "sv status /etc/service/s/log",
    "cd /etc/service/s && sv status .",
    "cd /etc/service/s && sv status ./log",
    "cd /links && sv status alias/",
    "SVDIR= sv status s",
  ]) {
    const { stdout, code } = await box.exec(text);
    assert.match(stdout, /^run: [a-z/.]+: \(pid \d+\) \d+s/, text);
    assert.equal(code, 0, text);
  }
  const stray = await box.exec("SVDIR=/links sv status stray s; sv -v up /links/stray; sv -v exit /links/stray");
  assert.equal(
    stray.stdout,
    "fail: stray: runsv not running\nfail: s: unable to change to service directory: file does not exist\nfail: /links/stray: runsv not running\nok: /links/stray: runsv not running\n",
  );
});

test("A82 sv waits as long as -w or SVWAIT says and no longer", async () => {
  await using box = await booted({ services: { s: { run: STUBBORN } } });
  await box.sees("stubborn");
  for (const text of ["sv -w 0.5 stop s", "SVWAIT=0.5 sv stop s", "SVWAIT=60 sv -w 500ms -v down s"]) {
    const start = performance.now();
    const { stdout, code } = await box.exec(text);
    assert.match(stdout, /^timeout: run: s: \(pid \d+\) \d+s, want down, got TERM\n$/);
    assert.equal(code, 1);
    assert.ok(performance.now() - start >= 500, text);
  }
});

test("A82 every service is told before the first is waited for", async () => {
  // `a` stops only once `b` has been told to.
  const services = {
    a: { run: waiting({ TERM: "until test -e /tmp/b-was-told; do sleep 0.01; done; exit" }, "ready-a") },
    b: { run: waiting({ TERM: "touch /tmp/b-was-told; exit" }, "ready-b") },
  };
  await using box = await booted({ services });
  await box.sees("ready-a");
  await box.sees("ready-b");
  const { stdout, code } = await box.exec("sv stop a b");
  assert.equal(stdout.replaceAll(/\d+s/g, "Ns"), "ok: down: a: Ns, normally up\nok: down: b: Ns, normally up\n");
  assert.equal(code, 0);
});

test("A82 restart ends with another process, however young the old one was", async () => {
  await using box = await booted({ services: { s: SLEEP } });
  const pids = new Set([await pidOf(box, "s")]);
  for (let count = 2; count <= 5; count++) {
    assert.match(await box.sv("restart", "s"), /^ok: run: s: /);
    pids.add(await pidOf(box, "s"));
    assert.equal(pids.size, count);
  }
});

test("A82 force- words kill what does not stop in time", async () => {
  await using box = await booted({ services: { s: { run: STUBBORN } } });
  await box.sees("stubborn");
  const first = await pidOf(box, "s");
  const { stdout, code } = await box.exec("sv -w 0.2 force-restart s");
  assert.match(stdout, /^kill: run: s: \(pid \d+\) \d+s, got TERM\n$/);
  assert.equal(code, 1);
  await box.sees("stubborn", 2);
  assert.notEqual(await pidOf(box, "s"), first);
  await box.sv("-w", "0.2", "force-stop", "s");
  assert.match(await box.sv("-w", "300", "stop", "s"), /^ok: down: s: /);
});

test("A82 status tells on stderr why a service is down that should be up, and stdout stays as runit has it", async () => {
  await using box = await booted({
    services: {
      fails: { run: "exit 3" },
      good: { ...SLEEP, log: "exit 1" },
      script: { ...SLEEP, files: { run: "#!/bin/sh\n" } },
    },
    env: { SERVICE_BACKOFF: "1h", SERVICE_BACKOFF_MAX: "1h" },
  });
  await box.sees("service fails exited");
  await box.sees("service good/log exited");
  const { stdout, stderr } = await box.exec("sv status");
  const masked = (text: string) => text.replaceAll(/\d+(\.\d)?( ms)?/g, (_, _1, ms) => (ms ? "N s" : "N"));
  assert.equal(
    masked(stdout),
    "down: fails: Ns, normally up, want up\nrun: good: (pid N) Ns; down: log: Ns, normally up, want up\ndown: script: Ns, normally up, want up\n",
  );
  assert.equal(
    masked(stderr),
    `${[
      "sv: fails: exited with status N after N s; next try in N s",
      "sv: good/log: exited with status N after N s; next try in N s",
      "sv: script: cannot start it: /etc/service/script/run: is not executable: chmod +x /etc/service/script/run; next try in N s",
    ].join("\n")}\n`,
  );
  // Not `fails`, which does run for a moment.
  const start = await box.exec("sv -w 0.1 start script");
  assert.match(start.stdout, /^timeout: down: script: /);
  assert.match(start.stderr, /^sv: script: cannot start it: /);
});

test("A82 a service that was made just now is known at once", async () => {
  await using box = await booted({ services: { s: SLEEP } });
  const { stdout } = await box.exec("cd /etc/service; for i in 1 2 3; do cp -R s new$i; sv start new$i; done");
  assert.match(stdout, /^(ok: run: new\d: \(pid \d+\) \d+s\n){3}$/);
});

test("A82 kill ends a finish that hangs", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, finish: STUBBORN } } });
  await box.sv("down", "s");
  await box.sees("stubborn");
  assert.match(await box.sv("-w", "0.1", "stop", "s"), /^timeout: finish: s: /);
  await box.sv("kill", "s");
  assert.match(await box.sv("-w", "300", "stop", "s"), /^ok: down: s: /);
});

test("A82 sv refuses names that the protocol cannot carry", async () => {
  await using box = await booted({ services: { s: SLEEP } });
  const { stdout, code } = await box.exec(["sv", "status", "s\ndown s", "x".repeat(5000)]);
  assert.equal(stdout, `fail: s\ndown s: no usable target\nfail: ${"x".repeat(5000)}: longer than 4096 bytes\n`);
  assert.equal(code, 2);
  assert.match(await box.sv("status", "s"), /^run: s: \(pid \d+\) \d+s$/);
});

test("A82 sv says that there is no init to talk to, or that it may not", async () => {
  await using none = await boot({ command: ["sleep", "1000"] });
  const absent = await none.exec("sv status s");
  assert.equal(
    absent.stderr,
    `sv: cannot talk to the init: nothing listens at ${await socketOf(none)}: my_init is not there, still runs startup files, or was told --skip-runit\n`,
  );
  assert.equal(absent.code, 100);
  await using box = await booted({ services: { s: SLEEP } });
  const denied = await box.exec("sv status s", { user: 1000 });
  assert.equal(denied.stderr, "sv: cannot talk to the init: only root may, and the owner of the service's directory\n");
  assert.equal(denied.code, 100);
});

/** Where sv looks first in a box. */
async function socketOf(box: Container, directory = "/run/shipshape"): Promise<string> {
  const names = "cut -c 1-8 /proc/sys/kernel/random/boot_id; readlink /proc/self/ns/pid | tr -dc 0-9";
  return `${directory}/control-${(await box.exec(names)).stdout.trim().replace("\n", "-")}`;
}

/** Listens at a path, notes its pid, and gives every client the same text; `hold` keeps the connection open after it. */
function answering(path: string, text: string, hold = false): string {
  const listen = `IO::Socket::UNIX->new(Local=>q(${path}), Listen=>5) or die "listen: $!"`;
  const serve = `while (my $c = $s->accept) { sysread($c, my $line, 4096); syswrite($c, ${text}); ${hold ? "push @c, $c;" : ""} }`;
  const note = "open(P, q(>/tmp/pid)); print P $$; close P";
  return `exec perl -MIO::Socket::UNIX -e '$SIG{PIPE} = q(IGNORE); my $s = ${listen}; ${note}; ${serve}'`;
}

test("A82 sv talks to nobody but the init", async () => {
  await using box = await boot({ command: ["sleep", "1000"] });
  const path = await socketOf(box, "/tmp/shipshape-0");
  void box.exec(`mkdir /tmp/shipshape-0; ${answering(path, '"x\\n"')}`, { user: 1000 }).catch(() => undefined);
  await eventually("the impostor listens", () => box.has("/tmp/pid"));
  const { stderr, code } = await box.exec("sv status s");
  assert.equal(stderr, `sv: cannot talk to the init: ${path} belongs to user 1000, not to the init\n`);
  assert.equal(code, 100);
});

test("A82 sv ends with an error when the answer is no answer", async () => {
  const cases: readonly (readonly [text: string, hold: boolean, reason: RegExp])[] = [
    ['"hello\\n"', false, /it answered "hello"$/],
    ['"ok\\n"', false, /it answered "ok"$/],
    ['"ok serial=1 state=flying dir=/x\\n"', false, /it answered "ok serial=1 state=flying dir=\/x"$/],
    ['"error denied only root may\\n"', false, /only root may$/],
    ['"x" x 200000', true, /its answer has no end$/],
    ['""', false, /it closed the connection$/],
  ];
  await using box = await boot({ command: ["sleep", "1000"] });
  const path = await socketOf(box);
  for (const [text, hold, reason] of cases) {
    const server = box.exec(`mkdir -p /run/shipshape; rm -f ${path}; ${answering(path, text, hold)}`);
    server.catch(() => undefined);
    await eventually("the server listens", () => box.has("/tmp/pid"));
    const { stderr, code } = await box.exec("sv status s");
    assert.match(stderr.trimEnd(), reason);
    assert.equal(code, 100);
    await box.exec("kill $(cat /tmp/pid); rm /tmp/pid");
    await server;
  }
});

test("A82 sv goes on waiting when the init crashes and starts again in place", async () => {
  await using box = await booted({ services: { s: { run: STUBBORN } } });
  await box.sees("stubborn");
  const pid = await pidOf(box, "s");
  const stop = box.exec("sv -w 300 stop s");
  await eventually("the service was told", async () => (await box.sv("status", "s")).includes("got TERM"));
  box.signal("SIGSEGV");
  await eventually("the init is back", async () => (await box.exec("sv status s")).stdout.includes(`(pid ${pid})`));
  await box.exec(`kill -9 ${pid}`);
  const { stdout, code } = await stop;
  assert.match(stdout, /^ok: down: s: /);
  assert.equal(code, 0);
});

test("A83 a start goes on when the init crashes while check runs", async () => {
  const check =
    'kill -SEGV 1; until sv status s >/dev/null; do :; done; echo x >>/tmp/calls; test "$(wc -l </tmp/calls)" -ge 3';
  await using box = await booted({ services: { s: { ...SLEEP, check } } });
  const { stdout, code } = await box.exec("sv -w 300 start s");
  assert.match(stdout, /^ok: run: s: /);
  assert.equal(code, 0);
});

test("A82 sv is served although hundreds of clients hold silent connections", async () => {
  await using box = await booted({ services: { s: SLEEP } });
  const connect = "$s = IO::Socket::UNIX->new(Peer=>q(/run/shipshape/control)) and push @s, $s";
  const hold = `exec perl -MIO::Socket::UNIX -e 'for (1..300) { ${connect} } open(P, q(>/tmp/held)); sleep 1000'`;
  box.exec(hold).catch(() => undefined);
  await eventually("the connections are made", () => box.has("/tmp/held"));
  const { stdout, code } = await box.exec("sv status s");
  assert.match(stdout, /^run: s: /);
  assert.equal(code, 0);
});

test("A82 sv obeys the owner of a service's directory for that service, and prints its pid alone", async () => {
  await using box = await booted({ services: { mine: SLEEP, other: SLEEP } });
  await box.exec("chown 1000 /etc/service/mine");
  const owner = { user: 1000 };
  const { stdout, code } = await box.exec("sv pid mine", owner);
  assert.match(stdout, /^\d+\n$/);
  assert.equal(code, 0);
  assert.match((await box.exec("sv stop mine", owner)).stdout, /^ok: down: mine: /);
  const down = await box.exec("sv pid mine", owner);
  assert.deepEqual([down.stdout, down.code], ["", 1]);
  assert.equal((await box.exec("sv stop other", owner)).code, 100);
  assert.match((await box.exec("sv status other")).stdout, /^run: other: /);
});

test("A83 check runs in the service's directory, its output unseen, until it passes", async () => {
  await using box = await booted({
    services: {
      s: {
        ...SLEEP,
        down: true,
        check: 'echo seen; echo heard >&2; pwd >>/tmp/calls; test "$(wc -l </tmp/calls)" -ge 3',
      },
    },
  });
  const { stdout, stderr, code } = await box.exec("sv start s");
  assert.match(stdout, /^ok: run: s: \(pid \d+\) \d+s, normally down\n$/);
  assert.equal(stderr, "heard\n".repeat(3));
  assert.equal(code, 0);
  assert.equal(box.read("/tmp/calls"), "/etc/service/s\n".repeat(3));
});

test("A83 a check that hangs is killed when the time is up", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, check: "exec sleep 999" } } });
  const { stdout, code } = await box.exec("sv -w 0.3 check s");
  assert.match(stdout, /^timeout: run: s: /);
  assert.equal(code, 1);
  await eventually("the check is gone", () => box.find("sleep 999") === undefined);
});

test("A83 a check that leaves a process behind does not hold sv up", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, check: "sleep 999 2>/dev/null & exit 0" } } });
  assert.match(await box.sv("-w", "300", "check", "s"), /^ok: run: s: /);
});

test("A83 a check that cannot be run is named", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, files: { check: "#!/bin/sh\n" } }, t: SLEEP } });
  box.write("/etc/service/t/check", { content: "#!/nosuch\n", mode: 0o755 });
  const { stdout, stderr, code } = await box.exec("sv -w 0.2 start s t");
  assert.match(stdout, /^timeout: run: s: .*\ntimeout: run: t: .*\n$/);
  assert.equal(
    stderr,
    'sv: cannot run /etc/service/s/check: is not executable: chmod +x /etc/service/s/check\nsv: cannot run /etc/service/t/check: its interpreter "/nosuch" does not exist\n',
  );
  assert.equal(code, 2);
});

test("A83 a check that keeps failing is named", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, check: "exit 1" } } });
  const { stdout, stderr } = await box.exec("sv -w 0.2 restart s");
  assert.match(stdout, /^timeout: run: s: /);
  assert.equal(stderr, "sv: s: /etc/service/s/check does not succeed\n");
});

test("A83 once and force-reload do not ask check, restart does", async () => {
  await using box = await booted({ services: { s: { ...SLEEP, check: "exit 1" } } });
  assert.match(await box.sv("force-reload", "s"), /^ok: run: s: /);
  assert.match(await box.sv("-v", "once", "s"), /^ok: run: s: /);
  assert.match(await box.sv("-w", "0.2", "restart", "s"), /^timeout: run: s: /);
});

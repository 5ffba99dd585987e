import assert from "node:assert/strict";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf, fileHas } from "./fixture.ts";

test("A95 a service's stdout and stderr are captured only when asked, with its name, in order and in a file of its own", async () => {
  await using box = await bootWithLog({
    services: {
      web: {
        run: "echo to-out; echo to-err >&2; printf part; sleep 0.2; echo ial; exec sleep 1000",
        files: { "log.conf": "LOG_CAPTURE=on\n" },
      },
      plain: { run: "echo untouched; exec sleep 1000" },
    },
  });
  await box.sees(/^untouched$/m);
  await box.sees(/ box web: partial$/m);
  assert.match(box.output.stdout, / box web: to-out\n(.*\n)*.* box web: to-err\n/);
  assert.equal(await fileHas(box, "services/web.log", "partial"), "to-out\nto-err\npartial\n");
  assert.equal(box.has("/var/log/services/plain.log"), false);
});

test("A95 capture of all services, but for those that say no or have a log of their own", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on", LOG_TIMESTAMP: "off" },
    services: {
      a: { run: "echo from-a; exec sleep 1000" },
      b: { run: "echo from-b; exec sleep 1000", files: { "log.conf": "LOG_CAPTURE=off" } },
      c: { run: "echo from-c; exec sleep 1000", log: "exec sed -u s/^/own-log:/" },
      d: {
        run: "echo from-d; exec sleep 1000",
        files: { "log.conf": "LOG_FILE=/var/log/special.log\nLOG_PREFIX=off" },
      },
    },
  });
  await box.sees(/^a: from-a$/m);
  await box.sees(/^from-b$/m);
  await box.sees(/^own-log:from-c$/m);
  await box.sees(/^from-d$/m);
  assert.equal(await fileHas(box, "special.log", "from-d"), "from-d\n");
});

test("A95 what a captured service says while it stops, and the start of a line, are not lost", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    services: { s: { run: "trap 'echo last; printf unfinished; exit' TERM; echo up; while :; do sleep 0.05; done" } },
  });
  await box.sees("s: up");
  assert.equal((await box.stop()).code, 0);
  assert.equal(box.read("/var/log/services/s.log"), "up\nlast\nunfinished\n");
  assert.match(box.output.stdout, / s: unfinished\n/);
});

test("A95 long lines are split and marked in the container's log and whole in the file", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on", LOG_TIMESTAMP: "off" },
    services: { s: { run: "printf '%010000d\\n' 0; echo after; exec sleep 1000" } },
  });
  await box.sees("s: after");
  const lines = box.output.stdout.split("\n").filter((line) => line.startsWith("s: "));
  for (const line of lines) assert.ok(line.length < 4096, `${line.length} bytes`);
  assert.match(lines[0] ?? "", /^s: 0+ \.\.\.$/);
  assert.match(lines[1] ?? "", /^s: \.\.\. 0+ \.\.\.$/);
  assert.equal(lines.join("").split("0").length - 1, 10_000);
  assert.equal(await fileHas(box, "services/s.log", "after"), `${"0".repeat(10_000)}\nafter\n`);
});

test("A95 a service that writes more lines than LOG_RATE loses them, with a count", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    services: { s: { run: "seq 1000; exec sleep 1000", files: { "log.conf": "LOG_RATE=100" } } },
  });
  await box.sees("service s: 900 lines were dropped, more than 100 came in a second (LOG_RATE)");
  assert.equal((await fileHas(box, "services/s.log", "100\n")).split("\n").length, 101);
});

test("A95 services come and go while they are captured, and a crash of the init changes nothing", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    services: { a: { run: "while read -r line; do echo $line; done </opt/fifo; exec sleep 1000" } },
    before: "mkfifo /opt/fifo",
    files: { "/opt": { directory: true } },
  });
  await box.exec("(echo one; sleep 1) >/opt/fifo");
  await box.sees("a: one");
  await box.exec(
    "mkdir /etc/service/.b && printf '#!/bin/sh\\necho from-b; exec sleep 1000\\n' >/etc/service/.b/run && chmod +x /etc/service/.b/run && mv /etc/service/.b /etc/service/b",
  );
  await box.sees("b: from-b");
  box.signal("SIGSEGV");
  await box.sees("has started itself again");
  await box.sv("restart", "b");
  await box.sees("b: from-b", 2);
  await box.exec("rm -r /etc/service/b");
  await eventually("b is gone", () => !box.processes().some(({ args }) => args[0] === "logd" && args.includes("b")));
  await eventually("the next daemon runs", () => daemonOf(box));
  assert.equal((await box.stop()).code, 0);
});

test("A95 what a service said before it was removed is not lost when the log daemon is killed before it takes it", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    services: {
      s: {
        run: "echo up; while test ! -e /tmp/go; do sleep 0.02; done; echo last; printf unfinished; touch /tmp/done; exec sleep 1000",
      },
    },
  });
  await box.sees("s: up");
  const daemon = daemonOf(box);
  await box.exec(
    `kill -STOP ${daemon}; touch /tmp/go; until test -e /tmp/done; do sleep 0.02; done; rm -r /etc/service/s`,
  );
  await eventually("the service is gone", async () => (await box.sv("status", "s")).includes("unable"));
  await box.exec(`kill -9 ${daemon}`);
  await eventually("a daemon without it runs", () => box.processes().some(({ args }) => args.join() === "logd"));
  assert.equal(await fileHas(box, "services/s.log", "unfinished\n"), "up\nlast\nunfinished\n");
});

test("A95 all that is in the pipe of a service that is removed is written, as JSON too", async () => {
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on", LOG_FORMAT: "json" },
    services: {
      s: { run: "echo up; while test ! -e /tmp/go; do sleep 0.02; done; seq 10000; touch /tmp/done; exec sleep 1000" },
    },
  });
  await box.sees('"message":"up"');
  const daemon = daemonOf(box);
  await box.exec(
    `kill -STOP ${daemon}; touch /tmp/go; until test -e /tmp/done; do sleep 0.02; done; rm -r /etc/service/s`,
  );
  await eventually("the service is gone", async () => (await box.sv("status", "s")).includes("unable"));
  await box.exec(`kill -CONT ${daemon}`);
  await eventually("a daemon without it runs", () => box.processes().some(({ args }) => args.join() === "logd"));
  assert.equal((await fileHas(box, "services/s.log", "up\n")).split("\n").length, 10_002);
});

test("A95 a service that is made again while the log daemon is stopped keeps its pipe", async () => {
  const run = "echo $(cat /etc/what); exec sleep 1000";
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    files: { "/etc/what": "first" },
    services: { s: { run } },
  });
  await box.sees("s: first");
  const daemon = daemonOf(box);
  await box.exec(`kill -STOP ${daemon}; mv /etc/service/s /etc/s; echo second >/etc/what`);
  const state = (text: string) => async () => (await box.sv("status", "s")).startsWith(text);
  await eventually("the service is gone", state("fail"));
  await box.exec("mv /etc/s /etc/service/s");
  await eventually("it is there again", state("run"));
  await box.exec(`kill -CONT ${daemon}`);
  await box.sees("s: second");
  await box.sv("restart", "s");
  await box.sees("s: second", 2);
});

test("A95 variables that startup files write count for the log daemon and for what is captured", async () => {
  await using box = await bootWithLog({
    startup: {
      // The first daemon has started once it has written this.
      a: "logger -t boot before; until grep -qs before /var/log/syslog; do sleep 0.02; done; echo iso >/etc/container_environment/LOG_TIMESTAMP; echo on >/etc/container_environment/LOG_CAPTURE; echo UTC-3 >/etc/container_environment/TZ",
    },
    services: { s: { run: "echo captured; exec sleep 1000" } },
  });
  await box.sees(/^[A-Z][a-z]{2} .* boot: before$/m);
  await box.sees(/^\d{4}-\d\d-\d\dT[\d:]{8}\+03:00 box s: captured$/m);
  await box.exec("logger -t app after");
  await box.sees(/^\d{4}-\d\d-\d\dT[\d:]{8}\+03:00 box app: after$/m);
});

test("A95 a captured service opens /dev/stdout and /dev/stderr whichever user it runs as, a log of its own the same", async () => {
  const write = "echo by-name >/dev/stdout; echo by-name-too >/dev/stderr";
  await using box = await bootWithLog({
    env: { LOG_CAPTURE: "on" },
    services: {
      file: { user: "app", run: `${write}; exec sleep 1000` },
      inside: { run: `setuser app sh -c '${write}'; exec sleep 1000` },
      piped: { user: "app", run: "echo piped-by-name >/dev/stdout; exec sleep 1000", log: "exec sed -u s/^/log:/" },
    },
  });
  for (const name of ["file", "inside"])
    assert.equal(await fileHas(box, `services/${name}.log`, "too\n"), "by-name\nby-name-too\n");
  await box.sees("log:piped-by-name");
});

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { eventually } from "../harness/deadline.ts";
import { skip, test } from "../harness/test.ts";
import { bootWithLog, daemonOf, fileHas } from "./fixture.ts";

test("A96 without its settings file there is no log daemon and no socket", async () => {
  await using box = await bootWithLog({
    files: { "/etc/shipshape/logd.conf": null },
    main: "test ! -e /dev/log; exit $?",
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.count("log daemon"), 0);
});

const UNREAD = "A95 the settings of a syslog-ng that is not there are named, and without them there is no word of it";
if (existsSync("/usr/sbin/syslog-ng")) skip(UNREAD, "a box has this machine's programs, and syslog-ng is among them");
else
  test(UNREAD, async () => {
    for (const path of ["/etc/syslog-ng/conf.d/remote.conf", "/etc/other.conf"]) {
      await using box = await bootWithLog({ files: { [path]: "# nobody reads this\n" }, main: "exit 0" });
      assert.equal((await box.ended()).code, 0);
      assert.equal(box.output.count("*** /etc/syslog-ng is not read: "), path.includes("syslog-ng") ? 1 : 0, path);
    }
  });

test("A96 a stale socket is replaced, and a link to nowhere as well", async () => {
  for (const stale of [
    "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un(q(/dev/log)))'",
    "ln -s /nowhere /dev/log",
  ]) {
    await using box = await bootWithLog({ before: stale, startup: { a: "logger -t boot works" } });
    await box.sees("boot: works");
  }
});

test("A96 something else in the socket's place is named once, and the boot goes on", async () => {
  for (const [before, reason] of [
    ["mkdir /dev/log", "there is something else than a socket"],
    ["echo x >/dev/log", "there is something else than a socket"],
    ["mount -o remount,ro /dev", "Read-only file system"],
  ] as const) {
    await using box = await bootWithLog({ before, main: "exit 3" });
    assert.equal((await box.ended()).code, 3);
    assert.equal(box.output.count("cannot bind /dev/log"), 1);
    assert.ok(box.output.stderr.includes(reason), box.output.stderr);
  }
});

test("A96 a user who may not bind the socket boots all the same", async () => {
  await using box = await bootWithLog({ user: 1000, main: "exit 4" });
  assert.equal((await box.ended()).code, 4);
  await box.sees("cannot bind /dev/log: Permission denied");
});

test("A96 on a read-only root messages are in the container's log, and one line says why nowhere else", async () => {
  await using box = await bootWithLog({ readOnlyRoot: true });
  for (let i = 0; i < 5; i++) await box.exec(`logger -p daemon.info -t app message-${i}`);
  await box.sees("app: message-4");
  await box.sees("cannot write /var/log/syslog: Read-only file system");
  await box.stopSoon(500);
  assert.equal(box.output.count("cannot write /var/log/syslog"), 1);
});

test("A96 a full disk is told once, leaves no half of a line, and is over when there is room", async () => {
  await using box = await bootWithLog({
    mounts: [{ source: "tmpfs", at: "/var/log", type: "tmpfs", options: "size=64k" }],
  });
  await box.exec("for i in $(seq 100); do logger -p daemon.info -t app $(printf '%01000d' $i); done");
  await box.sees("cannot write /var/log/syslog: No space left on device");
  const { stdout: torn } = await box.exec("tail -c1 /var/log/syslog | od -An -c");
  assert.equal(torn.trim(), "\\n");
  await box.exec(
    ": >/var/log/syslog; logger -p daemon.info -t app there-is-room; sleep 1.1; logger -p daemon.info -t app still",
  );
  await box.sees(/\/var\/log\/syslog can be written again; \d+ lines are missing in it/);
  const { stdout } = await box.exec("cat /var/log/syslog");
  assert.ok(stdout.includes("there-is-room"));
  assert.equal(box.output.count("cannot write /var/log/syslog"), 1);
});

test("A96 a container's log that nobody reads stops nothing; what is lost is told when somebody reads again", async () => {
  await using box = await bootWithLog({ slowReader: true, files: { "/opt/many": "" } });
  await box.exec(
    "for i in $(seq 100); do yes $(printf '%0200d' 7) | head -100 | logger -p daemon.info -t many; done; logger -t last after-all",
  );
  await fileHas(box, "syslog", "after-all");
  assert.equal(
    box
      .read("/var/log/syslog")
      .split("\n")
      .filter((line) => line.includes(" many: ")).length,
    10_000,
  );
  box.readOutput();
  await eventually("the reader has caught up", async () => {
    await box.exec("logger -t again reading");
    return box.output.count("again: reading") > 0;
  });
  await box.sees(/\d+ lines are missing in the container's log/);
  for (const line of box.output.stdout.split("\n").slice(0, -1))
    assert.match(line, /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} box \S+: .*$/);
});

test("A96 a container's log that is closed leaves the files", async () => {
  await using box = await bootWithLog();
  box.closeOutput();
  await box.exec("logger -t app one; logger -t app two");
  await fileHas(box, "syslog", "app: two");
  await fileHas(box, "syslog", "cannot write the container's log (stdout): Broken pipe");
  assert.equal((await box.stop()).code, 0);
});

test("A96 the log daemon that dies is started again at once, what was sent meanwhile included", async () => {
  await using box = await bootWithLog();
  const first = await eventually("it runs", () => daemonOf(box));
  await box.exec(`kill -STOP ${first}; logger -t app while-it-stood; kill -9 ${first}`);
  await box.sees("app: while-it-stood");
  await box.sees("the log daemon was killed by SIGKILL; starting it again");
  assert.notEqual(daemonOf(box), first);
});

test("A96 a crash of the init leaves socket and log daemon as they are", async () => {
  await using box = await bootWithLog();
  await box.exec("logger -t app before");
  await box.sees("app: before");
  const daemon = daemonOf(box);
  box.signal("SIGSEGV");
  await box.sees("has started itself again");
  await box.exec("logger -t app after");
  await box.sees("app: after");
  assert.equal(daemonOf(box), daemon);
  assert.equal((await box.stop()).code, 0);
});

test("A96 another log daemon that takes the socket gets it, and ours comes back when it is gone", async () => {
  await using box = await bootWithLog({
    services: {
      other: {
        down: true,
        run: `exec perl -MSocket -e 'unlink "/dev/log"; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un("/dev/log")) or die; $SIG{TERM} = sub { unlink "/dev/log"; exit }; while (1) { recv(S, $_, 9999, 0) // next; print STDERR "theirs: $_\\n" }'`,
      },
    },
  });
  await box.exec("logger -t app to-ours");
  await box.sees("app: to-ours");
  // The log daemon is there before the services are.
  await eventually("the other one runs", async () => (await box.sv("start", "other")).startsWith("ok: run: "));
  await box.sees("/dev/log belongs to another log daemon now: ours steps aside");
  await box.exec("logger -t app to-theirs");
  await box.sees(/theirs: .*to-theirs/);
  // It writes what it has, and ends.
  await eventually("ours has ended", () => daemonOf(box) === undefined);
  assert.equal((await box.exec("test -e /run/systemd/journal/socket")).code, 1);
  await box.sv("down", "other");
  await box.sees("/dev/log was gone: it is bound again");
  await box.exec("logger -t app to-ours-again");
  await box.sees(/box app: to-ours-again/);
});

test("A96 ours comes back when the other one ends and leaves its socket behind", async () => {
  await using box = await bootWithLog({
    services: {
      other: {
        down: true,
        run: `exec perl -MSocket -e '
          sub again { socket(S, AF_UNIX, SOCK_DGRAM, 0); unlink "/dev/log"; bind(S, pack_sockaddr_un("/dev/log")) or die; print STDERR "bound\\n" }
          $SIG{HUP} = \\&again; again; while (1) { recv(S, $_, 9999, 0) // next; print STDERR "theirs: $_\\n" }'`,
      },
    },
  });
  await eventually("the other one runs", async () => (await box.sv("start", "other")).startsWith("ok: run: "));
  await box.sees("/dev/log belongs to another log daemon now: ours steps aside");
  // It starts again; in place, so that it cannot take longer than ours waits for another to take its place.
  await box.sv("hup", "other");
  await box.sees("bound\n", 2);
  // A child that ends while the other one lives changes nothing.
  await box.exec("(sleep 0.1 &); sleep 1.5; logger -t app to-theirs");
  await box.sees(/theirs: .*to-theirs/);
  assert.equal(daemonOf(box), undefined);
  await box.sv("down", "other");
  await box.sees("/dev/log was left behind by a log daemon that has ended: it is bound again");
  await box.exec("logger -t app to-ours-again");
  await box.sees(/box app: to-ours-again/);
});

test("A96 a log daemon that is stopped is told to go on, and what waits in a socket that loses its name is written", async () => {
  await using box = await bootWithLog();
  const daemon = await eventually("it runs", () => daemonOf(box));
  await box.exec(`kill -STOP ${daemon}; logger -t app queued; rm /dev/log`);
  await box.sees("/dev/log was gone: it is bound again");
  await box.sees("the log daemon was stopped by SIGSTOP: it was told to go on");
  await box.sees("app: queued");
  // More than the kernel's queue holds.
  await box.exec(`kill -STOP ${daemonOf(box)}; seq 2000 | logger -t many`);
  await box.sees("many: 2000");
});

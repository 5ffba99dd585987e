import assert from "node:assert/strict";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas, texts } from "./fixture.ts";

/** Python that waits until the file has the message: of a client that is dead by then nobody can tell the name. */
const UNTIL_WRITTEN = `
import pathlib, time
log = pathlib.Path("/var/log/syslog")
while not log.exists() or "no tag here" not in log.read_text(): time.sleep(0.01)`;

/** Runs shell text in a box and returns the lines that it led to, without stamp and host. */
async function linesOf(shell: string): Promise<string[]> {
  await using box = await bootWithLog();
  const { code, stderr } = await box.exec(`${shell}; logger -p syslog.info -t end end-of-test`);
  assert.equal(code, 0, stderr);
  return texts(await fileHas(box, "syslog", "end-of-test")).slice(0, -1);
}

test("A95 util-linux logger in all its formats", async () => {
  const lines = await linesOf(`
    logger -t app plain
    logger -t app --id=42 with-id
    logger --rfc3164 -t app with-host
    logger --rfc5424 -t app new-format
    logger --rfc5424=notime,nohost,notq -t app bare
    logger --rfc5424 --sd-id shop@32473 --sd-param 'order="7"' --msgid buy -t app data
    printf 'one\\ntwo\\n' | logger -t app
    printf '<19>by-its-prefix\\n' | logger --prio-prefix -t app
    logger --size 3000 -t app $(printf '%02000d' 0)
    logger -p local7.debug -t app debug
    logger -t app -u /dev/log over-the-socket`);
  assert.deepEqual(lines, [
    "app: plain",
    "app[42]: with-id",
    "app: with-host",
    "app: new-format",
    "app: bare",
    'app: buy [shop@32473 order="7"] data',
    "app: one",
    "app: two",
    "app: by-its-prefix",
    `app: ${"0".repeat(2000)}`,
    "app: debug",
    "app: over-the-socket",
  ]);
});

test("A95 Python's syslog and its logging handler, Perl, and syslog(3) by any program", async () => {
  const lines = await linesOf(`
    python3 -c 'import syslog; syslog.openlog("py", syslog.LOG_PID); syslog.syslog("first\\nsecond")'
    python3 -c 'import logging, logging.handlers as h
l = logging.getLogger(); l.addHandler(h.SysLogHandler("/dev/log")); l.error("no tag here")${UNTIL_WRITTEN}'
    perl -MSys::Syslog -e 'openlog("perl", "ndelay,pid", "daemon"); syslog("warning", "%s", "caf\\xe9"); closelog()'`);
  assert.match(lines[0] ?? "", /^py\[\d+\]: first#012second$/);
  assert.match(lines[1] ?? "", /^python3[.\d]*\[\d+\]: no tag here$/);
  assert.match(lines[2] ?? "", /^perl\[\d+\]: caf/);
  assert.equal(lines.length, 3);
});

test("A95 clients of systemd's journal", async () => {
  const lines = await linesOf(`
    printf 'MESSAGE=from the journal\\nPRIORITY=3\\nSYSLOG_IDENTIFIER=app\\nSYSLOG_PID=7\\nCODE_LINE=1\\n' | logger --journald
    printf 'MESSAGE=two\\nMESSAGE=lines\\nSYSLOG_IDENTIFIER=app\\n' | logger --journald
    perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, pack_sockaddr_un("/run/systemd/journal/socket")) or die;
      send(S, "SYSLOG_IDENTIFIER=bin\\nMESSAGE\\n" . pack("Q<", 5) . "a\\nb=c\\nX=1\\n", 0) // die'
    # Another socket than the one of what ends the test: which of two is read first is open.
    until grep -qs ' bin: ' /var/log/syslog; do sleep 0.01; done`);
  assert.equal(lines[0], "app[7]: from the journal");
  assert.equal(lines[1], "app: two#012lines");
  assert.equal(lines[2], "bin: a#012b=c");
});

/** Perl that sends these bytes as one datagram, and lives on until it is written: the dead have no name. */
function datagram(bytes: string): string {
  const send = `socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, pack_sockaddr_un("/dev/log")) or die; send(S, "${bytes}", 0) // die`;
  return `perl -MSocket -e 'my $size = -s "/var/log/syslog"; ${send}; select(undef, undef, undef, 0.01) while $size == -s "/var/log/syslog"'`;
}

test("A95 nothing that a message holds breaks a line or hides what it says", async () => {
  const lines = await linesOf(
    [
      datagram("<30>Nov 21 11:12:34 nginx: a\\x1b[31mred\\x00b\\tc\\n\\n"),
      datagram("<30>Nov 21 11:12:34 go[7]: ends with newline\\n"),
      datagram("<30>nginx: no stamp"),
      datagram("<999>odd: priority"),
      datagram("<30>"),
      datagram("\\xff\\xfe<not text>"),
      datagram("<30>1 2026-11-21T10:00:00Z - app - - - \\xef\\xbb\\xbfmark"),
      datagram("<30>1 not really new"),
      datagram("<30>Nov 21 11:12:34 box late[1]: own host name"),
      `printf 'long ' >/tmp/l; ${datagram('<30>Nov 21 11:12:34 long: " . ("x" x 40000) . "')}`,
    ].join("\n"),
  );
  assert.equal(lines[0], "nginx: a#033[31mred#000b\tc");
  assert.equal(lines[1], "go[7]: ends with newline");
  assert.equal(lines[2], "nginx: no stamp");
  assert.match(lines[3] ?? "", /<999>odd: priority$/);
  assert.match(lines[4] ?? "", /^perl\[\d+\]: $/);
  assert.match(lines[5] ?? "", /<not text>$/);
  assert.equal(lines[6], "app: mark");
  assert.match(lines[7] ?? "", /^perl\[\d+\]: 1 not really new$/);
  assert.equal(lines[8], "late[1]: own host name");
  assert.match(lines[9] ?? "", /^long: x+ \.\.\. \(\d+ bytes cut off\)$/);
  assert.equal(lines.length, 10);
});

test("A95 each facility is in the files where Debian has it, and all of them in the container's log", async () => {
  const facilities = ["auth", "authpriv", "cron", "daemon", "kern", "local0", "mail", "syslog", "user", "lpr", "ftp"];
  await using box = await bootWithLog();
  await box.exec(facilities.map((name) => `logger -p ${name}.debug -t ${name} from-${name}`).join("\n"));
  for (const name of facilities) await box.sees(name === "kern" ? "from-kern" : `box ${name}: from-${name}`);
  const inFile = (file: string) =>
    facilities.filter((name) => box.has(`/var/log/${file}`) && box.read(`/var/log/${file}`).includes(`from-${name}\n`));
  // A process may not log as the kernel: logger and syslog(3) make user of kern.
  assert.deepEqual(
    inFile("syslog"),
    facilities.filter((name) => !name.startsWith("auth")),
  );
  assert.deepEqual(inFile("auth.log"), ["auth", "authpriv"]);
  assert.deepEqual(inFile("cron.log"), ["cron"]);
  assert.deepEqual(inFile("mail.log"), ["mail"]);
  assert.ok(inFile("user.log").includes("user"));
  const { stdout } = await box.exec("stat -c '%a %U %G' /var/log/syslog /var/log/auth.log");
  assert.equal(stdout, "640 root adm\n640 root adm\n");
});

test("A95 the socket is there before the first startup file, and takes what hooks and services say last", async () => {
  await using box = await bootWithLog({
    startup: { "00_first": "test -S /dev/log && logger -t first at-boot" },
    services: { s: { run: "trap 'logger -t s service-ends; exit' TERM; echo up >&2; while :; do sleep 0.05; done" } },
    postShutdown: { z: "logger -t hook after-services" },
    main: "(trap 'logger -t orphan orphan-ends; exit' TERM; echo ready >&2; while :; do sleep 0.05; done) & sleep 1000",
  });
  for (const what of ["up\n", "ready"]) await box.sees(what);
  await box.stop();
  const expected = ["first: at-boot", "s: service-ends", "hook: after-services", "orphan: orphan-ends"];
  assert.deepEqual(texts(box.read("/var/log/syslog")), expected);
  for (const line of expected) assert.equal(box.output.count(line), 1, `${line} in the container's log`);
});

test("A95 the container's log as JSON, with a stamp as ISO 8601 has it, or without one", async () => {
  await using json = await bootWithLog({ env: { LOG_FORMAT: "json" } }, "LOG_FORMAT=text");
  await json.exec("logger -p mail.err -t app --id=9 'say \"hi\"'; logger -t long -- $(printf '%05000d' 0) --size 9000");
  await json.sees('"message":"say');
  const line = json.output.stdout.split("\n").find((text) => text.includes("say"));
  const { time, ...rest } = JSON.parse(line ?? "") as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  assert.deepEqual(rest, { host: "box", facility: "mail", severity: "err", tag: "app", pid: "9", message: 'say "hi"' });
  assert.match(await fileHas(json, "syslog", "say"), /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} box app\[9\]: say "hi"$/m);
  await using iso = await bootWithLog({ env: { LOG_TIMESTAMP: "iso" } });
  await iso.exec("logger -t app hello");
  await iso.sees(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d box app: hello$/m);
  await using none = await bootWithLog({ env: { LOG_TIMESTAMP: "off" } });
  await none.exec("logger -t app hello");
  await none.sees(/^app: hello$/m);
  await fileHas(none, "syslog", / box app: hello$/m);
});

test("A95 a setting that means nothing is named once, and its default counts", async () => {
  await using box = await bootWithLog({ env: { LOG_FORMAT: "xml" } }, "LOG_ROTATE_SIZE=huge");
  await box.sees('the environment: LOG_FORMAT="xml" is not text or json, so it is left to the application');
  await box.sees(
    '/etc/shipshape/logd.conf: LOG_ROTATE_SIZE="huge" is not a size like 500k, 10M, 1G, or off; using the default',
  );
});

test("A95 a tag that sends more messages than LOG_RATE loses them, with a count, and no other does", async () => {
  // Fewer than come in a second on any machine.
  await using box = await bootWithLog({}, "LOG_RATE=10");
  await box.exec("seq 1000 | logger -p daemon.info -t flood; logger -p daemon.info -t quiet still-here");
  await box.sees("quiet: still-here");
  // Also what the end of the second would have told.
  await box.stop();
  const lines = texts(box.read("/var/log/syslog"));
  const written = lines.filter((line) => line.startsWith("flood: ")).length;
  const told = /^logd\[\d+\]: flood: (\d+) lines were dropped, more than 10 came in a second \(LOG_RATE\)$/;
  const dropped = lines.reduce((sum, line) => sum + Number(told.exec(line)?.[1] ?? 0), 0);
  assert.equal(written + dropped, 1000);
  assert.ok(written >= 10 && dropped > 0, `${dropped} dropped`);
});

test("A95 sockets in chroots that packages ask rsyslog for, and those of LOG_SOCKETS, are there before the first startup file", async () => {
  await using box = await bootWithLog(
    {
      files: {
        "/etc/rsyslog.d/49-haproxy.conf": "$AddUnixListenSocket /var/lib/haproxy/dev/log\n",
        "/var/lib/haproxy/dev": { directory: true },
        "/srv/jail": { directory: true },
        "/home/app/dev": { directory: true, owner: 1000 },
      },
      startup: { a: "for s in /var/lib/haproxy/dev/log /srv/jail/log; do logger --socket $s -t jail in-$s; done" },
    },
    "LOG_SOCKETS=/srv/jail/log /home/app/dev/log\n",
  );
  await box.sees("jail: in-/var/lib/haproxy/dev/log");
  await box.sees("jail: in-/srv/jail/log");
  await box.sees("cannot bind /home/app/dev/log, which LOG_SOCKETS in /etc/shipshape/logd.conf asks for: /home/app");
  await box.exec("logger --socket /srv/jail/log -t jail as-a-user", { user: 1000 });
  await box.sees("jail: as-a-user");
  box.signal("SIGSEGV");
  await box.sees("has started itself again");
  await box.exec("logger --socket /srv/jail/log -t jail after-a-crash");
  await box.sees("jail: after-a-crash");
  await box.stop();
  assert.equal(box.has("/srv/jail/log"), false);
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { BootOptions } from "../harness/boot-options.ts";
import type { Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas } from "./fixture.ts";

/** A box with Debian's logrotate, run every second for these declarations. */
function bootWithLogrotate(declared: Readonly<Record<string, string>>, options: BootOptions = {}): Promise<Container> {
  const files = Object.entries(declared).map(([name, text]) => [`/etc/logrotate.d/${name}`, text]);
  return bootWithLog(
    {
      ...options,
      files: {
        "/etc/logrotate.conf": "include /etc/logrotate.d\n",
        "/var/lib/logrotate": { directory: true },
        ...Object.fromEntries(files),
        ...options.files,
      },
    },
    "LOG_LOGROTATE=1s\nLOG_ROTATE_SIZE=off",
  );
}

function namesIn(box: Container, directory: string): string[] {
  return readdirSync(box.path(directory)).sort();
}

test("A97 Debian's logrotate is run for the files that packages declare, with their scripts, and no cron is there", async () => {
  await using box = await bootWithLogrotate(
    {
      web: "/var/log/web/*.log {\n size 10\n rotate 2\n compress\n delaycompress\n missingok\n sharedscripts\n create 0640 www-data adm\n postrotate\n  logger -t web reopened\n endscript\n}\n",
    },
    { files: { "/var/log/web/access.log": "more than ten bytes\n", "/var/log/web/short.log": "x\n" } },
  );
  await box.sees("web: reopened");
  assert.deepEqual(namesIn(box, "/var/log/web"), ["access.log", "access.log.1", "short.log"]);
  assert.equal(box.read("/var/log/web/access.log.1"), "more than ten bytes\n");
  const { stdout } = await box.exec("stat -c '%a %U %G' /var/log/web/access.log");
  assert.equal(stdout, "640 www-data adm\n");
  await box.exec("echo written again >>/var/log/web/access.log");
  await box.sees("web: reopened", 2);
  assert.deepEqual(namesIn(box, "/var/log/web"), ["access.log", "access.log.1", "access.log.2.gz", "short.log"]);
  assert.equal((await box.stop()).code, 0);
});

/** Perl that sends numbered messages until it is told to stop, and then tells how many. */
const SENDER = `
use Socket;
socket(my $log, AF_UNIX, SOCK_DGRAM, 0) or die;
connect($log, pack_sockaddr_un("/dev/log")) or die;
my $n = 0;
send($log, "<30>Nov 21 11:12:34 sender: number=" . $n++ . ";", 0) // die until -e "/tmp/enough";
print $n;
`;

test("A97 our own files lose no line and double none when logrotate moves and compresses them", async () => {
  await using box = await bootWithLogrotate(
    { own: "/var/log/syslog {\n size 1\n rotate 1000\n compress\n}\n" },
    { before: "exec >/dev/null", files: { "/opt/sender.pl": SENDER } },
  );
  const sender = box.exec("perl /opt/sender.pl", { deadlineMs: 150_000 });
  await eventually("it is rotated three times", () => box.has("/var/log/syslog.3.gz"));
  await box.exec("touch /tmp/enough; rm /etc/logrotate.d/own");
  const { code, stdout, stderr } = await sender;
  assert.equal(code, 0, stderr);
  await eventually("the last run is over", () => box.find("logrotate") === undefined);
  assert.equal((await box.stop()).code, 0);
  const seen = new Uint8Array(Number(stdout));
  for (const name of namesIn(box, "/var/log").filter((file) => file.startsWith("syslog"))) {
    const bytes = readFileSync(box.path(`/var/log/${name}`));
    const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1");
    for (const [, number] of text.matchAll(/number=(\d+);\n/g)) {
      const n = Number(number);
      seen[n] = (seen[n] ?? 0) + 1;
    }
  }
  const wrong = [...seen.entries()].filter(([, times]) => times !== 1);
  assert.equal(
    wrong.length,
    0,
    `of ${seen.length}: ${wrong.length} not once, as number,times: ${wrong.slice(0, 5).join(" ")}`,
  );
});

test("A97 a file that logrotate copies and empties goes on at its start", async () => {
  await using box = await bootWithLogrotate({ own: "/var/log/mail.log {\n size 1\n rotate 9\n copytruncate\n}\n" });
  await box.exec("logger -p mail.info -t app first");
  await eventually("it is emptied", () => box.has("/var/log/mail.log.1") && box.read("/var/log/mail.log") === "");
  await box.exec("logger -p mail.info -t app second");
  // The second copy has its name before its text.
  await eventually("it is copied again", () => box.has("/var/log/mail.log.2") && box.read("/var/log/mail.log") === "");
  assert.match(box.read("/var/log/mail.log.2"), /^\S.* app: first\n$/);
  assert.match(box.read("/var/log/mail.log.1"), /^\S.* app: second\n$/);
});

test("A97 a logrotate that fails is told, with what it has to say", async () => {
  await using box = await bootWithLogrotate({ broken: "/var/log/x.log {\n size many\n}\n" });
  await fileHas(
    box,
    "syslog",
    "/usr/sbin/logrotate failed with status 1; what it has to say is in the container's log",
  );
  await box.sees("error: broken:2 ");
});

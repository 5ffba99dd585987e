import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Container } from "../harness/container.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf } from "./fixture.ts";

/** Messages of all senders together; CI can take fewer. */
const MESSAGES = Number(process.env.SHIPSHAPE_LOG_MESSAGES ?? "1000000");
const SENDERS = 4;
/** A message is about 100 bytes: there are some 50 files, and 20 kills. */
const FILE_BYTES = 2 * MESSAGES;
const KILL_EVERY_BYTES = 5 * MESSAGES;
const ROTATES = `LOG_ROTATE_SIZE=${FILE_BYTES}\nLOG_ROTATE_KEEP=1000\nLOG_COMPRESS=off\n`;
const LIMIT_MS = 600_000;

/** Perl, which is in every Debian: sends numbered messages as `syslog(3)` does, now and then one that is long or not printable as it is. */
const SENDER = `
use Socket;
my ($me, $from, $count) = @ARGV;
socket(my $log, AF_UNIX, SOCK_DGRAM, 0) or die;
connect($log, pack_sockaddr_un("/dev/log")) or die;
for my $n ($from .. $from + $count - 1) {
  my $text = $n % 1000 == 7 ? "x" x 1500 : $n % 100 == 3 ? "tab\\there\\nand\\x01there" : "GET /index.html HTTP/1.1 200 from a usual client with a usual name";
  my $pri = $n % 50 == 1 ? 86 : 30;
  defined(send($log, "<$pri>Nov 21 11:12:34 sender$me\\[$$]: number=$n; $text", 0)) or die "send: $!";
}
print STDERR "sender-done\\n";
`;

/** How often each number is in the files whose names start so. */
function count(
  box: Container,
  directory: string,
  prefixes: readonly string[],
  pattern: RegExp,
  numbers: number,
): Uint8Array {
  const seen = new Uint8Array(numbers);
  for (const name of readdirSync(box.path(directory))) {
    if (!prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}.`))) continue;
    const text = readFileSync(box.path(`${directory}/${name}`), "latin1");
    assert.ok(text === "" || text.endsWith("\n"), `${name} ends within a line`);
    for (const [, number] of text.matchAll(pattern)) {
      const index = Number(number);
      seen[index] = (seen[index] ?? 0) + 1;
    }
  }
  return seen;
}

function assertEachOnce(seen: Uint8Array): void {
  const missing: number[] = [];
  const doubled: number[] = [];
  seen.forEach((times, number) => {
    if (times === 0) missing.push(number);
    if (times > 1) doubled.push(number);
  });
  const some = (numbers: readonly number[]) => `${numbers.length} (${numbers.slice(0, 10).join(", ")})`;
  assert.ok(
    missing.length === 0 && doubled.length === 0,
    `missing: ${some(missing)}; more than once: ${some(doubled)}`,
  );
}

/** Kills the log daemon whenever more has come into these files and their rotated ones, until `done`; how often. */
async function keepKilling(box: Container, path: string, done: () => boolean): Promise<number> {
  const written = () => rotated(box, path).length * FILE_BYTES + box.size(path);
  let kills = 0;
  let last = 0;
  let next = 0;
  while (!done()) {
    await delay(10);
    const pid = daemonOf(box) ?? 0;
    if (pid === 0 || pid === last || written() < next) continue;
    await box.exec(`kill -9 ${pid}`);
    last = pid;
    next = written() + KILL_EVERY_BYTES;
    kills++;
  }
  return kills;
}

/** Names of the rotated files of one. */
function rotated(box: Container, path: string): string[] {
  const names = box.has(dirname(path)) ? readdirSync(box.path(dirname(path))) : [];
  return names.filter((name) => name.startsWith(`${basename(path)}.`));
}

test(
  "A95 every message is in the files exactly once, though the log daemon is killed again and again and they rotate",
  async () => {
    const each = MESSAGES / SENDERS;
    await using box = await bootWithLog({
      before: "exec >/tmp/container-log",
      files: {
        "/etc/shipshape/logd.conf": ROTATES,
        "/opt/sender.pl": SENDER,
      },
    });
    for (let sender = 0; sender < SENDERS; sender++) {
      await box.exec(
        `setsid perl /opt/sender.pl ${sender} ${sender * each} ${each} </dev/null >/dev/null 2>/proc/1/fd/2 &`,
      );
    }
    const kills = await keepKilling(box, "/var/log/syslog", () => box.output.count("sender-done") === SENDERS);
    assert.equal((await box.stop()).code, 0);
    assertEachOnce(count(box, "/var/log", ["syslog", "auth.log"], /: number=(\d+);/g, MESSAGES));
    const files = rotated(box, "/var/log/syslog");
    assert.ok(kills >= 3 && files.length >= 10, `${kills} kills, ${files.length} rotated files`);
  },
  LIMIT_MS,
);

test(
  "A95 every line of a captured service is in its files exactly once, though the log daemon is killed and they rotate",
  async () => {
    const lines = MESSAGES;
    const writer = `
$| = 0;
for my $n (0 .. ${lines - 1}) { print "number=$n; ", $n % 1000 == 7 ? "x" x 6000 : "a usual line of a usual service", "\\n" }
print STDERR "";
close STDOUT;
open(my $done, ">", "/tmp/done");
sleep 1000;
`;
    await using box = await bootWithLog({
      before: "exec >/tmp/container-log",
      files: {
        "/etc/shipshape/logd.conf": `${ROTATES}LOG_CAPTURE=on\n`,
        "/opt/writer.pl": writer,
      },
      services: { s: { run: "exec perl /opt/writer.pl" } },
    });
    const kills = await keepKilling(box, "/var/log/services/s.log", () => box.has("/tmp/done"));
    assert.equal((await box.stop()).code, 0);
    assertEachOnce(
      count(
        box,
        "/var/log/services",
        ["s.log"],
        /^number=(\d+); (?:x{6000}|a usual line of a usual service)$/gm,
        lines,
      ),
    );
    assert.ok(kills >= 2, `${kills} kills`);
  },
  LIMIT_MS,
);

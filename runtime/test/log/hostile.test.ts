import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Container } from "../harness/container.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf, fileHas } from "./fixture.ts";

/** What a datagram may cost of the log daemon's processor time, compared with a plain one of the same size. JSON has six bytes for one. */
const MOST_TIMES = 9;
/** Not to be measured: compression, and many rotations. */
const SMALL = "LOG_ROTATE_SIZE=50M\nLOG_ROTATE_KEEP=0\nLOG_COMPRESS=off\n";
/** Datagrams of each kind. */
const DATAGRAMS = 60;

/** Perl in the box: sends datagrams of 64,000 bytes, the same text again and again. Arguments: socket, head, text, tail, count. */
const SEND = `
use Socket;
my ($path, $head, $text, $tail, $count) = map { s/\\\\x(..)/chr hex $1/ger } @ARGV;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; connect($s, pack_sockaddr_un($path)) or die "$path: $!";
my $body = substr($text x (64000 / length $text), 0, 64000 - length($head) - length($tail));
for (1 .. $count) { send($s, $head . $body . $tail, 0) or die $!; }
`;

const LOG = "/dev/log";
const JOURNAL = "/run/systemd/journal/socket";
const KINDS: readonly (readonly [what: string, socket: string, head: string, text: string, tail: string])[] = [
  ["control characters", LOG, "<30>app: ", "\\x01", ""],
  ["newlines", LOG, "<30>app: ", "\\x0a", ""],
  ["quotes", LOG, "<30>app: ", '"', ""],
  ["bytes that are no UTF-8", LOG, "<30>app: ", "\\xff", ""],
  ["structured data", LOG, '<30>1 - - app - - [x@1 y="', '\\x5c"', '"] text'],
  ["elements without end", LOG, "<30>1 - - app - - ", "[]", " text"],
  ["a priority without end", LOG, "<", "1", ""],
  ["empty fields", JOURNAL, "", "A=\\x0a", ""],
  ["empty binary fields", JOURNAL, "", "A\\x0a\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x0a", ""],
  ["one field of control characters", JOURNAL, "SYSLOG_IDENTIFIER=app\\x0aMESSAGE=", "\\x01", ""],
];

/** Nanoseconds of processor time of the daemon. @see /proc/PID/schedstat in proc(5) */
function spentNs(box: Container): number {
  return Number(readFileSync(`/proc/${box.first}/root/proc/${daemonOf(box)}/schedstat`, "utf8").split(" ")[0]);
}

for (const settings of ["", "LOG_FORMAT=json\n"]) {
  test(`A95 no datagram costs the log daemon much more than a plain one, with ${settings.trim() || "the defaults"}`, async () => {
    await using box = await bootWithLog(
      { before: "exec >/dev/null", files: { "/opt/send.pl": SEND } },
      `${SMALL}${settings}`,
    );
    let rounds = 0;
    const cost = async (socket: string, ...rest: readonly string[]) => {
      const before = spentNs(box);
      await box.exec(["perl", "/opt/send.pl", socket, ...rest, String(DATAGRAMS)]);
      await box.exec(["logger", "-p", "auth.info", `round-${++rounds}.`]);
      await fileHas(box, "auth.log", `round-${rounds}.`);
      return spentNs(box) - before;
    };
    const figures: string[] = [];
    for (const [what, ...kind] of KINDS) {
      const plain = await cost(LOG, "<30>app: ", "x", "");
      const times = (await cost(...kind)) / plain;
      figures.push(`${what}: ${times.toFixed(1)} times ${(plain / DATAGRAMS / 1e6).toFixed(2)} ms`);
    }
    const worst = Math.max(...figures.map((figure) => Number(/: ([\d.]+) times/.exec(figure)?.[1])));
    assert.ok(worst <= MOST_TIMES, figures.join("; "));
    if (process.env.SHIPSHAPE_FIGURES !== undefined) console.log(figures.join("\n"));
  });
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Container, SANITIZED } from "../harness/container.ts";
import { eventually, TIME_SCALE } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf } from "./fixture.ts";

/** How long a flood lasts; `SHIPSHAPE_FLOOD_MS=10000` on a quiet machine is what the figures of the documentation are from. */
const FLOOD_MS = Number(process.env.SHIPSHAPE_FLOOD_MS ?? "3000");
/** What half of the answers may take; figures of a machine that does other things as well say nothing about the slowest. */
const ANSWER_MS = 50 * TIME_SCALE;
/** AddressSanitizer keeps what is freed for a while. */
const MEMORY_KB = SANITIZED ? 32_768 : 8192;
const INIT_MEMORY_KB = SANITIZED ? 32_768 : 2048;
/** Dead ones that are not reaped yet, of the hundred that end in each burst: a second of them, on a machine that stalls. */
const MOST_ZOMBIES = 2000;

/** Perl in the box: asks PID 1 over its control socket, and now and then by `sv`, until the time is over; prints what each took, in ms. */
const ASK = `
use Socket; use Time::HiRes qw(time sleep);
my ($until, @asked, @sv) = time + shift() / 1000;
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un("/run/shipshape/control")) or die;
for (my $n = 0; time < $until; $n++) {
  my $start = time;
  syswrite($s, "status quiet\\n"); sysread($s, my $answer, 4096); $answer =~ /^ok .*state=run/ or die "answer: $answer";
  push @asked, 1000 * (time - $start);
  if ($n % 5 == 0) {
    $start = time; qx(sv status quiet) =~ /^run: / or die "sv";
    push @sv, 1000 * (time - $start);
  }
  sleep 0.02;
}
print "@asked\\n@sv\\n";
`;

/** Bursts of a hundred orphans that end at once. */
const ORPHANS = "while :; do for i in 1 2 3 4 5 6 7 8 9 10; do (:&:&:&:&:&:&:&:&:&:); done; sleep 0.05; done";

interface Spread {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
}

function spread(line: string): Spread {
  const sorted = line
    .trim()
    .split(" ")
    .map(Number)
    .sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number;
  return { median: at(0.5), p99: at(0.99), worst: at(1) };
}

/** Bytes that a process has written. @see proc_pid_io(5) */
function written(box: Container, pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${box.first}/root/proc/${pid}/io`, "utf8"))?.[1]);
}

function residentKb(box: Container, pid: number): number {
  const status = readFileSync(`/proc/${box.first}/root/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

for (const captured of [true, false]) {
  test(
    `A95 a service that floods its ${captured ? "captured" : "own"} output costs neither answers of the init nor reaping, memory or disk`,
    async () => {
      await using box = await bootWithLog(
        {
          before: "exec >/dev/null",
          files: { "/opt/ask.pl": ASK },
          services: {
            flood: {
              run: "exec yes $(printf '%0200d' 0)",
              files: captured ? { "log.conf": "LOG_CAPTURE=on" } : {},
            },
            orphans: { run: ORPHANS },
            quiet: { run: "exec sleep 1000" },
          },
        },
        "LOG_ROTATE_SIZE=1M\nLOG_ROTATE_KEEP=2\n",
      );
      const flood = await eventually("the flood begins", () => box.find("yes 000")?.pid);
      const before = written(box, flood);
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, box.zombies().length);
      }, 100);
      const asked = await box
        .exec(["perl", "/opt/ask.pl", String(FLOOD_MS)], { deadlineMs: FLOOD_MS + 20_000 })
        .finally(() => clearInterval(watch));
      assert.equal(asked.code, 0, asked.stderr);
      const [answers, sv] = asked.stdout.trim().split("\n").map(spread) as [Spread, Spread];
      const mbPerSecond = (written(box, flood) - before) / FLOOD_MS / 1000;
      const kb = { logd: residentKb(box, daemonOf(box) ?? 0), init: box.residentKb() };
      console.log(JSON.stringify({ captured, mbPerSecond, answers, sv, most, kb }));
      assert.ok(
        answers.median < ANSWER_MS && sv.median < ANSWER_MS,
        `half of the answers took more than ${ANSWER_MS} ms`,
      );
      // Captured, it waits for the daemon.
      assert.ok(captured || mbPerSecond >= 200, `no flood: ${mbPerSecond} MB/s`);
      assert.ok(most < MOST_ZOMBIES, `${most} zombies at once`);
      assert.ok(kb.logd < MEMORY_KB, `the log daemon holds ${kb.logd} kB`);
      assert.ok(kb.init < INIT_MEMORY_KB, `the init holds ${kb.init} kB`);
      const { stdout } = await box.exec("du -sk /var/log | cut -f1");
      assert.ok(Number(stdout) < 3 * 1024 + 2048, `${stdout.trim()} kB of logs`);
      await box.sv("down", "orphans");
      await eventually("no zombie is left", () => box.zombies().length === 0);
      const { code, ms } = await box.stop();
      assert.equal(code, 0);
      assert.ok(ms < 3000 * TIME_SCALE, `took ${ms} ms to stop`);
    },
    60_000 + 2 * FLOOD_MS,
  );
}

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
/** Where that is too little for the machine: how many times as long they may take as while the flood stands, its control. */
const ANSWER_RATIO = 10;
/** AddressSanitizer keeps what is freed for a while. */
const MEMORY_KB = SANITIZED ? 32_768 : 8192;
const INIT_MEMORY_KB = SANITIZED ? 32_768 : 2048;
/** Dead ones that are not reaped yet, of all that end. */
const MOST_ZOMBIES = 0.5;

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

/** The pid that was given out last in the box; they are given out one after another. */
function lastPid(box: Container): number {
  return Number(readFileSync(`/proc/${box.first}/root/proc/sys/kernel/ns_last_pid`, "utf8"));
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
      const ask = async (ms: number): Promise<[Spread, Spread]> => {
        const { code, stdout, stderr } = await box.exec(["perl", "/opt/ask.pl", String(ms)]);
        assert.equal(code, 0, stderr);
        return stdout.trim().split("\n").map(spread) as [Spread, Spread];
      };
      await box.sv("pause", "flood");
      const controls = await ask(FLOOD_MS / 2);
      await box.sv("cont", "flood");
      const [before, firstPid] = [written(box, flood), lastPid(box)];
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, box.zombies().length);
      }, 100);
      const asked = await ask(FLOOD_MS).finally(() => clearInterval(watch));
      const [answers, sv] = asked;
      const [bytes, ended] = [written(box, flood) - before, lastPid(box) - firstPid];
      const kb = { logd: residentKb(box, daemonOf(box) ?? 0), init: box.residentKb() };
      const figures = JSON.stringify({
        captured,
        mbPerSecond: bytes / FLOOD_MS / 1000,
        answers,
        sv,
        controls,
        most,
        ended,
        kb,
      });
      console.log(figures);
      for (const [index, { median }] of asked.entries()) {
        const boundMs = Math.max(ANSWER_MS, ANSWER_RATIO * (controls[index]?.median ?? 0));
        assert.ok(median < boundMs, `half of the answers took more than ${boundMs} ms: ${figures}`);
      }
      // More than a pipe holds.
      assert.ok(bytes > 1 << 20, `no flood: ${figures}`);
      assert.ok(most < MOST_ZOMBIES * ended, `too many zombies at once: ${figures}`);
      assert.ok(kb.logd < MEMORY_KB, `the log daemon holds ${kb.logd} kB`);
      assert.ok(kb.init < INIT_MEMORY_KB, `the init holds ${kb.init} kB`);
      const { stdout } = await box.exec("du -sk /var/log | cut -f1");
      assert.ok(Number(stdout) < 3 * 1024 + 2048, `${stdout.trim()} kB of logs`);
      await box.sv("down", "orphans");
      await eventually("no zombie is left", () => box.zombies().length === 0);
      const { code } = await box.stopSoon(3000);
      assert.equal(code, 0);
    },
    200_000 + 2 * FLOOD_MS,
  );
}

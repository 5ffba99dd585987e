import assert from "node:assert/strict";
import { test } from "node:test";
import { Exited, type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import type { Sys } from "../sys.ts";
import { Daemon } from "./daemon.ts";

const SIGTERM = 15;
const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-06-01T09:59:30Z");
const MINUTES = ["10:00", "10:01"];
const HOURLY = ["c1", "c2"];
/** What runs once in each minute. */
const JOBS = ["a", "j", "u", ...HOURLY];
/** How the log names them. */
const NAMES: Readonly<Record<string, string>> = {
  a: "crontab:1",
  boot: "crontab:2",
  j: "crontab:4",
  u: "user",
  c1: "hourly/c1",
  c2: "hourly/c2",
};
const MAX_TURNS = 2000;
/** Calls that change nothing: to crash before one is the same as before the next. */
const LOOKS = new Set<string | symbol>(
  "now time hostname getpid getuid getgid stat lstat access strerror readdir realpath readlink epollWait getrlimit pread peerUid".split(
    " ",
  ),
);

/** This incarnation has crashed: nothing in it runs any more. */
class Crashed extends Error {}

/** What became of a life of cron. */
interface Life {
  /** `10:00 a`: what ran, and when. */
  readonly ran: readonly string[];
  readonly log: string;
  /** How many calls were made. */
  readonly calls: number;
  /** The call before which it crashed. */
  readonly at: string;
  /** The exit code; -1 when it did not end. */
  readonly code: number;
}

/** One life of cron, from its start to TERM, which crashes before one of its system calls and starts itself again. */
function live(crashAt: number): Life {
  const kernel = new FakeSys();
  const ran: string[] = [];
  const work = (name: (process: FakeProcess) => string) => (process: FakeProcess) => {
    ran.push(`${new Date(kernel.time()).toISOString().slice(11, 16)} ${name(process)}`);
    kernel.after(2000, () => {
      if (kernel.processes.has(process.pid)) kernel.end(process, 0);
    });
  };
  const log = kernel.memfd();
  for (const fd of [1, 2]) kernel.dup2(log, fd);
  kernel.setTime(START_MS);
  kernel.put("/etc/passwd", "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
  kernel.put("/etc/crontab", "* * * * * root a\n@reboot root boot\nCRON_JITTER=5s\n* * * * * root j\n");
  kernel.put("/etc/cron.d/hourly", "* * * * * root cd / && run-parts --report /etc/cron.hourly\n");
  kernel.put("/var/spool/cron/crontabs/user", "* * * * * u\n", 0o600);
  kernel.makeDirectories("/run");
  kernel.putProgram(
    "/bin/sh",
    work(({ argv }) => argv[2] ?? ""),
  );
  for (const name of HOURLY)
    kernel.putProgram(
      `/etc/cron.hourly/${name}`,
      work(() => name),
    );

  let calls = 0;
  let at = "";
  let incarnation = 0;
  let code = -1;
  const processOf = (mine: number): Sys =>
    new Proxy(kernel, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (mine !== incarnation || code >= 0) throw new Crashed();
          if (!LOOKS.has(name) && ++calls === crashAt) {
            at = `${String(name)}(${JSON.stringify(args).slice(1, 90)}`;
            incarnation++;
            throw new Crashed();
          }
          if (name === "exit") code = args[0] as number;
          return member.apply(target, args);
        };
      },
    });
  let daemon: Daemon | null = null;
  /** Does something that a crash may end, and starts cron again after one. */
  const guarded = (run: () => void): void => {
    const before = incarnation;
    try {
      run();
    } catch (error) {
      if (!(error instanceof Crashed || error instanceof Exited)) throw error;
    }
    // The loop catches what its handlers throw.
    if (before === incarnation) return;
    kernel.nextIncarnation();
    for (const fd of [1, 2]) kernel.dup2(log, fd);
    begin();
  };
  const begin = () =>
    guarded(() => {
      daemon = new Daemon(processOf(incarnation));
    });
  begin();
  // Twice: a signal is lost that was read when cron crashes before it acts on it.
  for (const seconds of [10, 40])
    kernel.after(MINUTES.length * MINUTE_MS + seconds * 1000, () => kernel.raise(SIGTERM));
  for (let turns = 0; code < 0 && turns < MAX_TURNS; turns++) guarded(() => daemon?.loop.tick());
  return { ran, log: String(kernel.pread(log, 65_536, 0)), calls, at, code };
}

/** What is wrong with a life: every job has run once in its minute, or the log names it, and TERM has ended cron. */
function faultsOf({ ran, log, code }: Life): string[] {
  const faults = code === 0 ? [] : [`it ended with ${code}`];
  const named = (job: string) =>
    log.split("\n").some((line) => line.startsWith(`cron[${job}`) && /left out|may not have run/.test(line));
  const check = (runs: number, job: string, when: string) => {
    if (runs > 1) faults.push(`${job} ran ${runs} times ${when}`);
    if (runs === 0 && !named(NAMES[job] ?? job)) faults.push(`${job} did not run ${when}, and nothing says so`);
  };
  for (const minute of MINUTES)
    for (const job of JOBS) check(ran.filter((run) => run === `${minute} ${job}`).length, job, `at ${minute}`);
  check(ran.filter((run) => run.endsWith(" boot")).length, "boot", "at the start");
  return faults;
}

test("Daemon runs each job once, or names it, wherever it crashes", (t) => {
  t.mock.method(Math, "random", () => 0.5);
  const whole = live(-1);
  assert.deepEqual(faultsOf(whole), []);
  assert.ok(whole.calls > 100, `${whole.calls} calls`);
  const faults: string[] = [];
  let silent = 0;
  for (let call = 1; call <= whole.calls; call++) {
    const life = live(call);
    for (const fault of faultsOf(life)) faults.push(`call ${call}, ${life.at}: ${fault}`);
    if (!/left out|may not have run/.test(life.log)) silent++;
  }
  assert.deepEqual(faults, []);
  // Few places leave a doubt.
  assert.ok(silent > whole.calls * 0.8, `${silent} of ${whole.calls}`);
});

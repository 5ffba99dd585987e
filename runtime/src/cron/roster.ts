import type { JobStatus } from "../../../lib/cron/protocol.ts";
import { parseEnvironBlock } from "../../../lib/linux/environment.ts";
import type { Children } from "../base/children.ts";
import { findAccount } from "../base/credentials.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";
import { type Bytes, Open, type Sys } from "../sys.ts";
import type { Planned } from "./agenda.ts";
import type { Job, LastRun } from "./job.ts";
import { mailFor } from "./runs/mail.ts";
import type { Output } from "./runs/output.ts";
import { environmentOf, startProgram } from "./runs/program.ts";
import { type Follower, Run, type RunRecord } from "./runs/run.ts";

/** A job and how it stands. */
export interface Member extends Planned {
  job: Job;
  readonly runs: Set<Run>;
  last: LastRun | null;
  failures: number;
  /** Its start is put off by chance. */
  delay: Timer | null;
}

/** Everything that there is to run, and what runs. */
export class Roster {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #journal: Journal;
  readonly #output: Output;
  readonly #changed: () => void;
  readonly #container: ReadonlyMap<Bytes, Bytes>;
  /** Those too that have ended and left something behind that may still write. */
  readonly #runs = new Set<Run>();
  readonly #queues = new Map<Bytes, Member[]>();
  #remembered: ReadonlyMap<Bytes, JobStatus> = new Map();
  #whenIdle: (() => void) | null = null;
  #loaded = false;
  members: readonly Member[] = [];

  /** @param changed called after every start and end */
  constructor(sys: Sys, loop: Loop, children: Children, journal: Journal, output: Output, changed: () => void) {
    this.#sys = sys;
    this.#loop = loop;
    this.#children = children;
    this.#journal = journal;
    this.#output = output;
    this.#changed = changed;
    this.#container = parseEnvironBlock(sys.environ);
  }

  /** What became of jobs under an earlier cron of this container. */
  remember(jobs: readonly JobStatus[]): void {
    this.#remembered = new Map(jobs.map((job) => [job.name, job]));
  }

  /** Takes the new jobs; those that were there before keep their runs and their past. True at first, and when some came or went. */
  replace(jobs: readonly Job[]): boolean {
    const old = new Map(this.members.map((member) => [member.job.key, member]));
    this.members = jobs.map((job) => this.#member(job, old.get(job.key)));
    const came = jobs.some(({ key }) => !old.delete(key));
    for (const { delay } of old.values()) if (delay !== null) this.#loop.cancel(delay);
    const first = !this.#loaded;
    this.#loaded = true;
    return came || old.size > 0 || first;
  }

  #member(job: Job, old: Member | undefined): Member {
    const known = this.#remembered.get(job.name);
    const last =
      known === undefined || known.started === null || known.result === ""
        ? null
        : { started: known.started, seconds: known.seconds, result: known.result };
    const planned = { schedule: job.schedule, zone: job.settings.zone, next: null, job };
    if (old === undefined) return { ...planned, runs: new Set(), last, failures: known?.failures ?? 0, delay: null };
    return Object.assign(old, planned);
  }

  /** Takes a run over that an earlier incarnation started. */
  adopt(slot: number, record: RunRecord): void {
    // It may have died of what made the incarnation crash that was to be told of its end.
    const lives = record.pid > 0 && this.#sys.kill(record.pid, 0) === 0;
    const member = lives ? this.members.find(({ job }) => job.key === record.key) : undefined;
    this.#watch(member ?? null, slot, lives ? record : { ...record, pid: 0 }, []);
  }

  /** Starts what is due, as its settings say. */
  due(member: Member): void {
    const { jitterMs } = member.job.settings;
    if (jitterMs === 0) this.#startUnlessRunning(member);
    else
      member.delay ??= this.#loop.after(Math.random() * jitterMs, () => {
        member.delay = null;
        this.#startUnlessRunning(member);
      });
  }

  #startUnlessRunning(member: Member): void {
    const { job, runs } = member;
    const [running] = runs;
    if (running !== undefined && !job.settings.overlap) {
      const seconds = Math.round((this.#loop.now() - running.record.steadyMs) / 1000);
      this.#say(job, `left out: the run before still goes on (pid ${running.record.pid}, for ${seconds} s)`);
      return;
    }
    if (job.chain === "") {
      this.start(member, []);
      return;
    }
    const queue = this.#queues.get(job.chain);
    if (queue === undefined) {
      this.#queues.set(job.chain, [member]);
      this.#nextOf(job.chain);
    } else if (!queue.includes(member)) queue.push(member);
  }

  /** Starts the first of a chain that can be started. */
  #nextOf(chain: Bytes): void {
    const queue = this.#queues.get(chain) ?? [];
    const next = { line: () => {}, ended: () => this.#nextOf(chain) };
    for (let first = queue.shift(); first !== undefined; first = queue.shift())
      if (this.members.includes(first) && this.start(first, [next]) === null) return;
    this.#queues.delete(chain);
  }

  /** Starts a job now. @returns why it cannot be started, which the log has too, or `null` */
  start(member: Member, followers: readonly Follower[]): string | null {
    if (this.#whenIdle !== null) return "cron ends";
    const { job } = member;
    const started = this.#start(job);
    if (typeof started === "string") {
      this.#finish(member, { started: Math.floor(this.#sys.time() / 1000), seconds: 0, result: "not started" });
      this.#say(job, started);
      return started;
    }
    const { record, mail } = started;
    this.#watch(member, this.#note(record), record, mail === null ? followers : [...followers, mail]);
    this.#changed();
    return null;
  }

  #start(job: Job): { readonly record: RunRecord; readonly mail: Follower | null } | string {
    const sys = this.#sys;
    const account = findAccount(sys, job.user);
    if (typeof account === "string") return account;
    const pipe = outputPipe(sys);
    if (typeof pipe === "number") return `cannot make a pipe: ${sys.strerror(-pipe)}`;
    const [reader, writer] = pipe;
    // So that the job may open /dev/stdout.
    sys.chown(`/proc/self/fd/${writer}`, account.uid, account.gid);
    const variables = environmentOf(job, account, this.#container);
    const pid = startProgram(sys, job, account, variables, writer);
    sys.close(writer);
    if (typeof pid === "string") {
      sys.close(reader);
      return pid;
    }
    const times = { startedMs: Math.floor(sys.time()), steadyMs: Math.floor(this.#loop.now()) };
    const record = { key: job.key, name: job.name, pid, pipe: reader, ...times, timeoutMs: job.settings.timeoutMs };
    const failed = (reason: Bytes) => this.#say(job, reason);
    return { record, mail: mailFor(job, { sys, children: this.#children, variables, account, failed }) };
  }

  /** The record's slot in the journal. */
  #note(record: RunRecord): number {
    const slot = this.#journal.allocate();
    this.#journal.write(slot, JSON.stringify(record));
    return slot;
  }

  #watch(member: Member | null, slot: number, record: RunRecord, followers: readonly Follower[]): void {
    const log: Follower = {
      line: (text) => {
        this.#output.line(`cron[${record.name}]`, text);
        if (this.#output.full) this.pause(true);
      },
      ended: (last) => {
        member?.runs.delete(run);
        if (slot >= 0) this.#journal.write(slot, JSON.stringify({ ...record, pid: 0 }));
        if (last.result !== "ok")
          this.#output.say(`failed: ${last.result} after ${last.seconds} s`, `cron[${record.name}]`);
        if (member !== null) this.#finish(member, last);
        this.#tellIdle();
      },
    };
    const run: Run = new Run(this.#sys, this.#loop, record, [log, ...followers], () => {
      this.#runs.delete(run);
      if (slot >= 0) this.#journal.release(slot);
    });
    this.#runs.add(run);
    if (!run.ended) {
      member?.runs.add(run);
      this.#children.add(record.pid, run);
    }
    if (this.#output.full) run.pause(true);
  }

  #tellIdle(): void {
    if (this.#whenIdle !== null && ![...this.#runs].some((run) => !run.ended)) this.#whenIdle();
  }

  #finish(member: Member, last: LastRun): void {
    member.last = last;
    member.failures = last.result === "ok" ? 0 : member.failures + 1;
    this.#changed();
  }

  /** Leaves all output in its pipes, or takes it again as long as there is room for it. */
  pause(paused: boolean): void {
    for (const run of this.#runs) if (paused === this.#output.full) run.pause(paused);
  }

  /** Ends every run; resolves when none is left. */
  stop(): Promise<void> {
    this.#queues.clear();
    for (const { delay } of this.members) if (delay !== null) this.#loop.cancel(delay);
    for (const run of this.#runs) run.stop("cron ends");
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      this.#tellIdle();
    });
  }

  /** How every job stands, in the order of the files. */
  status(): JobStatus[] {
    return this.members.map(({ job, next, runs, last, failures }) => {
      const [running] = runs;
      return {
        ...{ name: job.name, when: job.when, user: job.user, origin: job.origin, failures },
        health: job.settings.health,
        next: next === null ? null : next * 60,
        pid: running?.record.pid ?? 0,
        started: running === undefined ? (last?.started ?? null) : Math.floor(running.record.startedMs / 1000),
        seconds: last?.seconds ?? 0,
        result: last?.result ?? "",
      };
    });
  }

  #say(job: Job, text: Bytes): void {
    this.#output.say(text, `cron[${job.name}]`);
  }
}

/** A pipe, of which only the writing end waits; `-errno`. Both survive a restart. */
function outputPipe(sys: Sys): [number, number] | number {
  const pipe = sys.pipe();
  if (typeof pipe === "number") return pipe;
  const [reader, writer] = pipe;
  const own = sys.open(`/proc/self/fd/${reader}`, Open.Read | Open.NonBlock, 0);
  const result = own < 0 ? own : sys.dup2(own, reader);
  if (own >= 0) sys.close(own);
  if (result >= 0) return pipe;
  sys.close(reader);
  sys.close(writer);
  return result;
}

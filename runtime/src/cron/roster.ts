import type { JobStatus } from "../../../lib/cron/protocol.ts";
import { parseEnvironBlock } from "../../../lib/linux/environment.ts";
import type { Children } from "../base/children.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { Plan } from "./agenda.ts";
import type { Job, LastRun } from "./job.ts";
import { type Launcher, launch } from "./runs/launch.ts";
import type { Output } from "./runs/output.ts";
import { type Follower, JobRun, type RunRecord } from "./runs/run.ts";
import { Shares, StartQueue } from "./shares.ts";

/** Jobs are started for so long in one turn, so that others get theirs in between. */
const SLICE_MS = 20;
/** A record in the journal holds so many bytes of the job's name. */
const MAX_NAME_BYTES = 60;
/** @see getrlimit(2) */
const RLIMIT_NOFILE = 7;

/** A job that is due and not started yet. */
interface Wait {
  /** Slot of the journal. */
  readonly slot: number;
  /** Runs while the start is delayed by `CRON_JITTER`. */
  delay: Timer | null;
  /** {@link Roster.startNoted} has not handled it yet. */
  isOld: boolean;
}

/** The journal's record of a job that waits. */
export interface WaitRecord {
  readonly key: Bytes;
  readonly name: Bytes;
}

/** A job and how it stands. */
export interface Member extends Plan {
  job: Job;
  readonly runs: Set<JobRun>;
  last: LastRun | null;
  failures: number;
  wait: Wait | null;
}

/**
 * Holds all jobs and their runs.
 *
 * One slot of the journal holds each job's progress: it waits, is being started, runs, has ended. After a restart in place, jobs that
 * waited are started. A job that was being started may or may not have run, so it is reported and not started a second time.
 */
export class Roster {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #journal: Journal;
  readonly #output: Output;
  readonly #changed: () => void;
  readonly #launcher: Launcher;
  readonly #shares: Shares;
  /** Runs; also those that have ended while a process that they left behind may still write. */
  readonly #runs = new Set<JobRun>();
  readonly #waiting = new StartQueue<Member>();
  /** Members of each chain, in order; the first is being started or runs. */
  readonly #chains = new Map<Bytes, Member[]>();
  #remembered: ReadonlyMap<Bytes, JobStatus> = new Map();
  #whenIdle: (() => void) | null = null;
  #loaded = false;
  #starting = false;
  members: readonly Member[] = [];

  /** @param changed called after every start and end */
  constructor(sys: Sys, loop: Loop, children: Children, journal: Journal, output: Output, changed: () => void) {
    this.#sys = sys;
    this.#loop = loop;
    this.#children = children;
    this.#journal = journal;
    this.#output = output;
    this.#changed = changed;
    const failed = (job: Job, reason: Bytes) => this.#say(job.name, reason);
    this.#launcher = { sys, children, container: parseEnvironBlock(sys.environ), failed };
    // Every run has a pipe here; jobs are started with the limits that cron was given.
    const { hard } = sys.getrlimit(RLIMIT_NOFILE);
    sys.setrlimit(RLIMIT_NOFILE, hard, hard);
    this.#shares = new Shares(sys.getrlimit(RLIMIT_NOFILE).soft);
  }

  /** Takes over how jobs stood under an earlier cron of this container. */
  remember(jobs: readonly JobStatus[]): void {
    this.#remembered = new Map(jobs.map((job) => [job.name, job]));
  }

  /** Takes the new jobs; those that were there before keep their runs and their past. True at first, and when some came or went. */
  replace(jobs: readonly Job[]): boolean {
    const old = new Map(this.members.map((member) => [member.job.key, member]));
    this.members = jobs.map((job) => this.#member(job, old.get(job.key)));
    const came = jobs.some(({ key }) => !old.delete(key));
    for (const member of old.values()) this.#giveUp(member);
    const first = !this.#loaded;
    this.#loaded = true;
    return came || old.size > 0 || first;
  }

  #member(job: Job, old: Member | undefined): Member {
    const plan = { schedule: job.schedule, zone: job.settings.zone, job };
    if (old !== undefined) return Object.assign(old, plan);
    const known = this.#remembered.get(job.name);
    const last =
      known === undefined || known.started === null || known.result === ""
        ? null
        : { started: known.started, seconds: known.seconds, result: known.result };
    const failures = known?.failures ?? 0;
    return { ...plan, next: null, plannedIn: null, runs: new Set(), last, failures, wait: null };
  }

  /** Takes over the records of the previous incarnation. Jobs that waited are started by {@link startNoted}. */
  adopt(records: ReadonlyMap<number, WaitRecord | RunRecord>): void {
    for (const [slot, record] of records) {
      const member = this.members.find(({ job }) => job.key === record.key) ?? null;
      if ("pid" in record) this.#adoptRun(member, slot, record);
      else if (member === null || member.wait !== null) this.#journal.release(slot);
      else member.wait = { slot, delay: null, isOld: true };
    }
  }

  #adoptRun(member: Member | null, slot: number, record: RunRecord): void {
    const lives = record.pid > 0 && this.#sys.kill(record.pid, 0) === 0;
    const name = member?.job.name ?? record.name;
    if (record.pid === -1) this.#say(name, "cron crashed while it started it: it may not have run");
    else if (record.pid > 0 && !lives) this.#say(name, "it ended while cron crashed: how is not known");
    const taken = lives ? record : { ...record, pid: 0 };
    this.#journal.write(slot, JSON.stringify(taken));
    this.#watch(member, slot, taken, []);
    if (lives && member !== null && member.job.chain !== "") this.#chains.set(member.job.chain, [member]);
  }

  /** Notes jobs that are due, before the first of them is started: a restart in place then starts the others. */
  note(due: readonly Member[]): void {
    for (const member of due) {
      const { job, wait } = member;
      if (wait === null) {
        const slot = this.#journal.allocate();
        this.#journal.write(slot, JSON.stringify({ key: job.key, name: shortName(job) }));
        member.wait = { slot, delay: null, isOld: true };
      } else if (!wait.isOld) this.#say(job.name, "left out: the start before still waits for its turn");
    }
  }

  /** Starts the jobs that were noted, each as its settings say. */
  startNoted(): void {
    for (const member of this.members) {
      const { wait, job } = member;
      if (!wait?.isOld) continue;
      wait.isOld = false;
      const { jitterMs } = job.settings;
      if (jitterMs === 0) this.#queue(member);
      else wait.delay = this.#loop.after(Math.random() * jitterMs, () => this.#queue(member));
    }
    this.#startSome();
  }

  /** Puts a member where it waits for its turn. */
  #queue(member: Member): void {
    const { job, runs, wait } = member;
    if (wait !== null) wait.delay = null;
    const [running] = runs;
    if (running !== undefined && !job.settings.overlap) {
      const seconds = Math.round((this.#loop.now() - running.record.steadyMs) / 1000);
      this.#say(job.name, `left out: the run before still goes on (pid ${running.record.pid}, for ${seconds} s)`);
      this.#giveUp(member);
      return;
    }
    const chain = this.#chains.get(job.chain);
    if (chain !== undefined) {
      chain.push(member);
      return;
    }
    if (job.chain !== "") this.#chains.set(job.chain, [member]);
    this.#waiting.add(job.user, member);
    this.#startSoon();
  }

  /** Forgets that a member is due. */
  #giveUp(member: Member): void {
    const { wait } = member;
    if (wait === null) return;
    if (wait.delay !== null) this.#loop.cancel(wait.delay);
    this.#journal.release(wait.slot);
    member.wait = null;
  }

  #startSoon(): void {
    if (this.#starting) return;
    this.#starting = true;
    this.#loop.after(0, () => {
      this.#starting = false;
      this.#startSome();
    });
  }

  /** Starts members whose turn it is, for as long as a slice. */
  #startSome(): void {
    const until = this.#loop.now() + SLICE_MS;
    while (this.#whenIdle === null) {
      const member = this.#waiting.take((user) => this.#shares.allows(user));
      if (member === null) return;
      const { wait, job } = member;
      member.wait = null;
      // Without one its table has changed.
      if (wait === null || this.#start(member, [], wait.slot) !== null) this.#advance(job.chain);
      if (this.#loop.now() < until) continue;
      this.#startSoon();
      return;
    }
  }

  /** Lets the next of a chain wait for its turn. */
  #advance(name: Bytes): void {
    const chain = this.#chains.get(name);
    chain?.shift();
    const next = chain?.[0];
    if (next !== undefined) {
      this.#waiting.add(next.job.user, next);
      this.#startSoon();
    } else this.#chains.delete(name);
  }

  /** Starts a job now. @returns why it cannot be started, which the log has too, or `null` */
  start(member: Member, followers: readonly Follower[]): string | null {
    const { user } = member.job;
    if (!this.#shares.allows(user)) return `as many jobs of ${user} run as may run at a time`;
    return this.#start(member, followers, this.#journal.allocate());
  }

  #start(member: Member, followers: readonly Follower[], slot: number): string | null {
    const { job } = member;
    if (this.#whenIdle !== null) return "cron ends";
    const times = { startedMs: Math.floor(this.#sys.time()), steadyMs: Math.floor(this.#loop.now()) };
    const { key, user, settings } = job;
    const name = shortName(job);
    let record: RunRecord = { key, name, user, pid: -1, pipe: -1, ...times, timeoutMs: settings.timeoutMs };
    const started = launch(this.#launcher, job, (pipe) => {
      record = { ...record, pipe };
      this.#journal.write(slot, JSON.stringify(record));
    });
    if (typeof started === "string") {
      this.#journal.release(slot);
      this.#finish(member, { started: Math.floor(times.startedMs / 1000), seconds: 0, result: "not started" });
      this.#say(job.name, started);
      return started;
    }
    record = { ...record, pid: started.pid };
    this.#journal.write(slot, JSON.stringify(record));
    this.#watch(member, slot, record, started.mail === null ? followers : [...followers, started.mail]);
    this.#changed();
    return null;
  }

  #watch(member: Member | null, slot: number, record: RunRecord, followers: readonly Follower[]): void {
    const name = member?.job.name ?? record.name;
    const log: Follower = {
      line: (text) => {
        this.#output.line(name, text);
        if (this.#output.full) this.pause(true);
      },
      ended: (last) => {
        this.#journal.write(slot, JSON.stringify({ ...record, pid: 0 }));
        if (last.result !== "ok") this.#say(name, `failed: ${last.result} after ${last.seconds} s`);
        if (member !== null) this.#ended(member, run, last);
        this.#tellIdle();
      },
    };
    const run: JobRun = new JobRun(this.#sys, this.#loop, record, [log, ...followers], () => {
      this.#runs.delete(run);
      this.#shares.count(record.user, -1);
      this.#journal.release(slot);
      this.#startSoon();
    });
    this.#runs.add(run);
    this.#shares.count(record.user, 1);
    if (!run.ended) {
      member?.runs.add(run);
      this.#children.add(record.pid, run);
    }
    if (this.#output.full) run.pause(true);
  }

  #ended(member: Member, run: JobRun, last: LastRun): void {
    member.runs.delete(run);
    this.#finish(member, last);
    const { chain } = member.job;
    // Not for a run by hand while the chain's own still waits.
    if (member.wait === null && this.#chains.get(chain)?.[0] === member) this.#advance(chain);
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

  /** Ends every run, and starts none any more. @param idle called when none is left */
  stop(idle: () => void): void {
    for (const member of this.members) this.#giveUp(member);
    for (const run of this.#runs) run.stop("cron ends");
    this.#whenIdle = idle;
    this.#tellIdle();
  }

  /** Returns how jobs stand, in the order of the files. @param user whose; `null` is everybody's */
  status(user: Bytes | null): JobStatus[] {
    const members = user === null ? this.members : this.members.filter(({ job }) => job.user === user);
    return members.map(({ job, next, runs, last, failures }) => {
      const [running] = runs;
      return {
        name: job.name,
        when: job.when,
        user: job.user,
        origin: job.origin,
        failures,
        health: job.settings.health,
        next: next === null ? null : next * 60,
        pid: running?.record.pid ?? 0,
        started: running === undefined ? (last?.started ?? null) : Math.floor(running.record.startedMs / 1000),
        seconds: last?.seconds ?? 0,
        result: last?.result ?? "",
      };
    });
  }

  #say(name: Bytes, text: Bytes): void {
    this.#output.sayOf(name, text);
  }
}

function shortName({ name }: Job): Bytes {
  return name.slice(0, MAX_NAME_BYTES);
}

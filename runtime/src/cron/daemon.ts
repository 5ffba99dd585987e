import { Children } from "../base/children.ts";
import { Journal } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import type { Bytes, Sys } from "../sys.ts";
import { Agenda } from "./agenda.ts";
import { Alarm } from "./alarm.ts";
import { lockOut } from "./lock.ts";
import { type Member, Roster } from "./roster.ts";
import { Output } from "./runs/output.ts";
import type { RunRecord } from "./runs/run.ts";
import { serve } from "./server.ts";
import { StatusFile } from "./status-file.ts";
import { Mounted } from "./tables/mounted.ts";
import { readTables, type Tables } from "./tables/reader.ts";
import { Zones } from "./tables/zones.ts";

/** An editor or a package makes several changes; they are taken as one. */
const SETTLE_MS = 50;
const HEALTHY_AFTER_MS = 10_000;
const LOCK_RETRY_MS = 60_000;
/** While memory or descriptors are short. */
const READ_RETRY_MS = 60_000;
const MINUTE_MS = 60_000;
/** Slot of the journal for the time up to which everything due was started. */
const SEEN_SLOT = 0;
const SIGCHLD = 17;
const SIGHUP = 1;
const SIGINT = 2;
const SIGTERM = 15;

/** cron as a service: runs until TERM. @see docs/reference/cron.md */
export class Daemon {
  readonly #sys: Sys;
  readonly loop: Loop;
  readonly #output: Output;
  readonly #children: Children;
  readonly #journal: Journal;
  readonly #zones: Zones;
  readonly #status: StatusFile;
  readonly #roster: Roster;
  readonly #agenda: Agenda<Member>;
  readonly #alarm: Alarm;
  #watches: ReadonlyMap<Bytes, number> = new Map();
  #mounted: Mounted;
  #said: ReadonlySet<Bytes> = new Set();
  #refused = 0;
  #unwritten: string | null = null;
  #short = false;
  /** `@reboot` jobs are yet to run. */
  #booting = false;
  #started = false;
  #reloading = false;
  #writing = false;
  #stopping = false;

  constructor(sys: Sys) {
    this.#sys = sys;
    this.loop = new Loop(
      sys,
      (signal) => this.#handle(signal),
      (error) => this.#output.say(`a fault in cron, which goes on: ${describe(error)}`),
    );
    this.#output = new Output(sys, this.loop, () => this.#roster.pause(false));
    this.#children = new Children(sys, this.loop);
    this.#zones = new Zones(sys);
    this.#status = new StatusFile(sys);
    const { journal, records } = Journal.open(sys);
    this.#journal = journal;
    this.#roster = new Roster(sys, this.loop, this.#children, journal, this.#output, () => this.#writeSoon());
    const resumed = records.get(SEEN_SLOT) as { seenMs: number } | undefined;
    if (resumed === undefined) journal.allocate();
    this.#agenda = new Agenda(
      (name) => this.#zones.zone(name),
      resumed?.seenMs ?? sys.time(),
      ({ job }, late) => this.#output.say(`left out: its time was ${late} minutes ago`, `cron[${job.name}]`),
    );
    this.#mounted = new Mounted(sys);
    this.#alarm = new Alarm(sys, this.loop, (nowMs, jumpMs) => this.#wake(nowMs, jumpMs));
    this.loop.after(HEALTHY_AFTER_MS, () => journal.healthy());
    this.#begin(records as Map<number, RunRecord>, resumed !== undefined, false);
  }

  /** Starts once no other cron runs. */
  #begin(records: Map<number, RunRecord>, resumed: boolean, told: boolean): void {
    const other = lockOut(this.#sys);
    if (other === null) {
      if (told) this.#agenda.begin(this.#sys.time());
      this.#start(records, resumed);
      return;
    }
    if (!told) this.#output.say(`another cron runs (pid ${other}): this one waits until that has ended`);
    this.loop.after(LOCK_RETRY_MS, () => this.#begin(records, resumed, true));
  }

  #start(records: Map<number, RunRecord>, resumed: boolean): void {
    this.#started = true;
    if (resumed) this.#output.say("it has started itself again after a crash; jobs that ran go on");
    this.#roster.remember(this.#status.read());
    this.#serve();
    this.#booting = this.#status.isFirstStart() && !resumed;
    this.#load();
    for (const [slot, record] of records) if (slot !== SEEN_SLOT) this.#roster.adopt(slot, record);
    this.#children.reap();
    this.#writeSoon();
    this.#alarm.wake();
  }

  #serve(): void {
    const { directory } = this.#status;
    const served = { sys: this.#sys, loop: this.loop, roster: this.#roster, zones: this.#zones };
    const problem =
      directory === null
        ? "/run/cron: it cannot be written"
        : serve({ ...served, changed: () => this.#reload() }, directory);
    if (problem !== null)
      this.#output.say(`cannot listen for crontab and cron list: ${problem}; jobs run all the same`);
  }

  #wake(nowMs: number, jumpMs: number): void {
    if (this.#stopping) return;
    if (Math.abs(jumpMs) >= MINUTE_MS)
      this.#output.say(
        `the clock was set ${jumpMs > 0 ? "forward" : "back"} by ${Math.round(Math.abs(jumpMs) / MINUTE_MS)} minutes`,
      );
    if (this.#mounted.changed()) this.#load();
    const due = this.#agenda.due(nowMs, jumpMs);
    this.#journal.write(SEEN_SLOT, JSON.stringify({ seenMs: this.#agenda.seenMs }));
    for (const member of due) this.#roster.due(member);
    this.#setAlarm();
  }

  #handle(signal: number): void {
    if (signal === SIGCHLD) this.#children.reap();
    else if (signal === SIGHUP) {
      // Whoever asks wants to hear it again.
      this.#said = new Set();
      this.#refused = -1;
      this.#reload();
    } else if (signal === SIGTERM || signal === SIGINT) this.#stop();
  }

  /** The second time at once: its jobs are then the init's to end. */
  #stop(): void {
    if (this.#stopping || !this.#started) this.#sys.exit(0);
    this.#stopping = true;
    this.#roster.stop().then(() => {
      this.#writeStatus();
      this.#sys.exit(0);
    });
  }

  #reload(): void {
    if (this.#stopping || !this.#started) return;
    // First what was due under the tables that were.
    this.#alarm.wake();
    this.#load();
    this.#setAlarm();
  }

  /** For the next job, and where tables are to be looked at, for the next minute. */
  #setAlarm(): void {
    const next = this.#agenda.nextMs();
    const minute = Math.floor(this.#sys.time() / MINUTE_MS + 1) * MINUTE_MS;
    this.#alarm.set(this.#mounted.some ? Math.min(minute, next ?? minute) : next);
  }

  #load(): void {
    this.#zones.reread();
    const mounted = new Mounted(this.#sys);
    const watches = new Map<Bytes, number>();
    const tables = readTables(this.#sys, this.#zones, (path) => {
      const known = watches.get(path);
      if (known !== undefined) return known;
      const watch = this.loop.watchDirectory(path, this.#changed);
      watches.set(path, watch);
      mounted.note(path);
      return watch;
    });
    const { jobs, refusals, remarks, shortage } = tables;
    for (const watch of (shortage === null ? this.#watches : watches).values()) this.loop.unwatchDirectory(watch);
    if (shortage !== null) {
      if (!this.#short) this.#output.say(`${shortage}; the jobs stay as they were, next try in a minute`);
      this.#short = true;
      this.#reloadIn(READ_RETRY_MS);
      return;
    }
    this.#short = false;
    this.#watches = watches;
    this.#mounted = mounted;
    const changed = this.#roster.replace(jobs);
    this.#agenda.replace(this.#roster.members);
    const lines = [...refusals, ...remarks];
    for (const line of lines) if (!this.#said.has(line)) this.#output.say(line);
    if (changed || refusals.length !== this.#refused) this.#output.say(summaryOf(tables, this.#sys.getuid()));
    this.#said = new Set(lines);
    this.#refused = refusals.length;
    if (this.#booting)
      for (const member of this.#roster.members) if (member.job.schedule === null) this.#roster.due(member);
    this.#booting = false;
    this.#writeSoon();
  }

  readonly #changed = (): void => this.#reloadIn(SETTLE_MS);

  #reloadIn(delayMs: number): void {
    if (this.#reloading) return;
    this.#reloading = true;
    this.loop.after(delayMs, () => {
      this.#reloading = false;
      this.#reload();
    });
  }

  /** Many jobs start and end at a full hour; their state is written once. */
  #writeSoon(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.loop.after(SETTLE_MS, () => {
      this.#writing = false;
      this.#writeStatus();
    });
  }

  #writeStatus(): void {
    const problem = this.#status.write(this.#roster.status());
    if (problem !== null && problem !== this.#unwritten) this.#output.say(problem);
    this.#unwritten = problem;
  }
}

/** `3 jobs in 2 files, 1 refused`. @param uid cron's own */
function summaryOf({ jobs, refusals, others }: Tables, uid: number): string {
  const files = new Set(jobs.map(({ origin }) => origin.split(":")[0])).size;
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const refused = refusals.length > 0 ? `, ${refusals.length} refused` : "";
  const left = others > 0 ? `, ${others} of others left out: cron without root runs only what is uid ${uid}'s` : "";
  return `${count(jobs.length, "job")} in ${count(files, "file")}${refused}${left}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error);
}

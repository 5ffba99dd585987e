import type { Zone } from "../../../lib/cron/next.ts";
import { Signal } from "../../../lib/linux/signals.ts";
import type { TimeZone } from "../../../lib/linux/zone-rule.ts";
import { Children } from "../base/children.ts";
import { HEALTHY_AFTER_MS, Journal } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import { Zones } from "../base/zones.ts";
import type { Sys } from "../sys.ts";
import { Agenda } from "./agenda.ts";
import { Alarm } from "./alarm.ts";
import { Loading } from "./loading.ts";
import { lockOut } from "./lock.ts";
import { type Member, Roster, type WaitRecord } from "./roster.ts";
import { Output } from "./runs/output.ts";
import type { RunRecord } from "./runs/run.ts";
import { Server } from "./server.ts";
import { StatusFile } from "./status-file.ts";

/** Many jobs start and end at a full hour; their state is written once. */
const SETTLE_MS = 50;
/** After writing the status, it is not written again for this many times as long. */
const REST = 9;
const LOCK_RETRY_MS = 60_000;
const MINUTE_MS = 60_000;
/** Slot of the journal for {@link StateRecord}; the others are jobs'. */
const STATE_SLOT = 0;

/** The state that the next incarnation takes over, besides jobs. */
interface StateRecord {
  /** All jobs that were due up to this time have been noted; milliseconds since the Epoch. */
  readonly seenMs: number;
  /** The `@reboot` jobs have been noted. */
  readonly booted: boolean;
  readonly stopping: boolean;
  /** The listening socket; -1 is none. */
  readonly socket: number;
}

/** cron as a service: runs until TERM. @see docs/reference/cron.md */
export class Daemon {
  readonly #sys: Sys;
  readonly loop: Loop;
  readonly #output: Output;
  readonly #children: Children;
  readonly #journal: Journal;
  readonly #status: StatusFile;
  readonly #zones: Zones;
  readonly #roster: Roster;
  readonly #agenda: Agenda<Member>;
  readonly #loading: Loading;
  readonly #alarm: Alarm;
  #state: StateRecord;
  #unwritten: string | null = null;
  /** Jobs as the previous incarnation noted them; `null` once they have been taken over. */
  #records: Map<number, WaitRecord | RunRecord> | null;
  #started = false;
  #writing = false;
  #quietUntilMs = 0;
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
    const resumed = records.get(STATE_SLOT) as StateRecord | undefined;
    records.delete(STATE_SLOT);
    this.#records = records as Map<number, WaitRecord | RunRecord>;
    if (resumed === undefined) journal.allocate();
    this.#state = resumed ?? { seenMs: sys.time(), booted: false, stopping: false, socket: -1 };
    this.#note({});
    this.#roster = new Roster(sys, this.loop, this.#children, journal, this.#output, () => this.#writeSoon());
    this.#agenda = new Agenda(minutesOf(this.#zones), this.#state.seenMs, ({ job }, late) =>
      this.#output.sayOf(job.name, `left out: its time was ${late} minutes ago`),
    );
    this.#loading = new Loading({
      sys,
      loop: this.loop,
      output: this.#output,
      zones: this.#zones,
      roster: this.#roster,
      agenda: this.#agenda,
      loaded: () => this.#loaded(),
    });
    this.#alarm = new Alarm(sys, this.loop, (nowMs, jumpMs) => this.#wake(nowMs, jumpMs));
    this.loop.after(HEALTHY_AFTER_MS, () => journal.healthy());
    this.#begin(resumed !== undefined, false);
  }

  /** Starts once no other cron runs. */
  #begin(resumed: boolean, hasWaited: boolean): void {
    const other = lockOut(this.#sys);
    if (other === null) {
      if (hasWaited) this.#agenda.begin(this.#sys.time());
      this.#start(resumed);
      return;
    }
    if (!hasWaited) this.#output.say(`another cron runs (${other}): this one waits until that has ended`);
    this.loop.after(LOCK_RETRY_MS, () => this.#begin(resumed, true));
  }

  #start(resumed: boolean): void {
    this.#started = true;
    if (resumed) this.#output.say("it has started itself again after a crash; jobs that ran go on");
    this.#status.claim();
    this.#roster.remember(this.#status.read());
    this.#serve();
    this.#loading.load();
  }

  #serve(): void {
    const { directory } = this.#status;
    const context = { sys: this.#sys, loop: this.loop, roster: this.#roster };
    const server = new Server({
      ...context,
      changed: () => this.#reload(),
      whenInUse: (then) => this.#loading.whenInUse(then),
    });
    const result =
      directory === null ? "/run/cron: it cannot be written" : server.listen(directory, this.#state.socket);
    if (typeof result === "number") this.#note({ socket: result });
    else this.#output.say(`cannot listen for crontab and cron list: ${result}; jobs run all the same`);
  }

  /** The tables are in use; at first, what the previous incarnation left is taken over. */
  #loaded(): void {
    const records = this.#records;
    if (records !== null) {
      this.#records = null;
      this.#roster.adopt(records);
      this.#boot();
      this.#children.reap();
      if (this.#state.stopping) this.#stop();
      this.#alarm.wake();
    }
    this.#writeSoon();
    this.#setAlarm();
  }

  /** Starts the `@reboot` jobs, once in a life of the container. */
  #boot(): void {
    if (!this.#state.booted && !this.#status.hasBooted()) {
      this.#roster.note(this.#roster.members.filter(({ job }) => job.schedule === null));
      this.#status.setBooted();
    }
    if (!this.#state.booted) this.#note({ booted: true });
  }

  #wake(nowMs: number, jumpMs: number): void {
    if (this.#stopping || this.#records !== null) return;
    if (Math.abs(jumpMs) >= MINUTE_MS)
      this.#output.say(
        `the clock was set ${jumpMs > 0 ? "forward" : "back"} by ${Math.round(Math.abs(jumpMs) / MINUTE_MS)} minutes`,
      );
    this.#loading.look();
    this.#roster.note(this.#agenda.due(nowMs, jumpMs));
    this.#note({ seenMs: this.#agenda.seenMs });
    this.#roster.startNoted();
    this.#setAlarm();
  }

  #handle(signal: number): void {
    if (signal === Signal.CHLD) {
      // Until the records are taken over, a child's job is not known.
      if (this.#records === null) this.#children.reap();
    } else if (signal === Signal.HUP) {
      // An operator who sends HUP wants to see all refusals again.
      this.#loading.forgetSaid();
      this.#reload();
    } else if (signal === Signal.TERM || signal === Signal.INT) {
      // The second time at once: its jobs are then the init's to end.
      if (this.#stopping || this.#records !== null) this.#sys.exit(0);
      this.#stop();
    }
  }

  #stop(): void {
    this.#stopping = true;
    this.#note({ stopping: true });
    this.#roster.stop(() => {
      this.#writeStatus();
      this.#sys.exit(0);
    });
  }

  #reload(): void {
    if (this.#stopping || !this.#started) return;
    // First what was due under the tables that were.
    this.#alarm.wake();
    this.#loading.load();
  }

  /** For the next job, and where tables are to be looked at, for the next minute. */
  #setAlarm(): void {
    const next = this.#agenda.nextMs();
    const minute = Math.floor(this.#sys.time() / MINUTE_MS + 1) * MINUTE_MS;
    this.#alarm.set(this.#loading.looks ? Math.min(minute, next ?? minute) : next);
  }

  #note(change: Partial<StateRecord>): void {
    this.#state = { ...this.#state, ...change };
    this.#journal.write(STATE_SLOT, JSON.stringify(this.#state));
  }

  #writeSoon(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.loop.after(Math.max(SETTLE_MS, this.#quietUntilMs - this.loop.now()), () => {
      this.#writing = false;
      const beganMs = this.loop.now();
      this.#writeStatus();
      this.#quietUntilMs = this.loop.now() + REST * (this.loop.now() - beganMs);
    });
  }

  #writeStatus(): void {
    const problem = this.#status.write(this.#roster.status(null));
    if (problem !== null && problem !== this.#unwritten) this.#output.say(problem);
    this.#unwritten = problem;
  }
}

/** Returns zones as schedules see them, in minutes; the same function for the same zone. */
function minutesOf(zones: Zones): (name: string) => Zone {
  const known = new WeakMap<TimeZone, Zone>();
  return (name) => {
    const zone = zones.zone(name);
    const minutes = known.get(zone) ?? ((minute) => Math.floor(zone(minute * 60) / 60));
    known.set(zone, minutes);
    return minutes;
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message} ${error.stack ?? ""}` : String(error);
}

import { readFile } from "../base/files.ts";
import type { Loop } from "../base/loop.ts";
import type { Zones } from "../base/zones.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { Agenda } from "./agenda.ts";
import type { Member, Roster } from "./roster.ts";
import type { Output } from "./runs/output.ts";
import { MountedTables } from "./tables/mounted.ts";
import { readTables, type Tables } from "./tables/reader.ts";

/** Several changes by an editor or a package lead to one load. */
const SETTLE_MS = 50;
/** While memory or descriptors are short. */
const RETRY_MS = 60_000;
/** Tables are read and planned for so long in one turn. */
const SLICE_MS = 20;
/** After a load, the next one waits this many times as long as it took: a user who keeps changing a table gets a tenth of the time. */
const REST = 9;

/** Everything that {@link Loading} works with. */
export interface LoadingContext {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly output: Output;
  readonly zones: Zones;
  readonly roster: Roster;
  readonly agenda: Agenda<Member>;
  /** The tables are in use. Not called while they cannot be read. */
  loaded(): void;
}

/** Loads the tables into the roster and the agenda, slice by slice, and again when they change. */
export class Loading {
  readonly #context: LoadingContext;
  #watches: ReadonlyMap<Bytes, number> = new Map();
  #mounted: MountedTables;
  #said: ReadonlySet<Bytes> = new Set();
  #refused = 0;
  #isShort = false;
  #isLoaded = false;
  #steps: Generator<void> | null = null;
  #again = false;
  #pending = false;
  #startedMs = 0;
  #quietUntilMs = 0;
  /** Callbacks of {@link whenInUse}, with the number of loads that each has still to wait for. */
  #waiting: { readonly then: () => void; loads: number }[] = [];

  constructor(context: LoadingContext) {
    this.#context = context;
    this.#mounted = new MountedTables(context.sys);
  }

  /** Whether there are tables whose changes are only seen by looking, each minute. */
  get looks(): boolean {
    return this.#mounted.some;
  }

  /** Loads again if a table has changed on a mount of its own. */
  look(): void {
    if (this.#mounted.changed()) this.load();
  }

  /** Makes the next load report refusals again that were reported before. */
  forgetSaid(): void {
    this.#said = new Set();
    this.#refused = -1;
  }

  /** Reads all tables, at once unless the last time took long. */
  load(): void {
    if (this.#steps !== null) this.#again = true;
    else if (this.#context.loop.now() < this.#quietUntilMs) this.loadSoon();
    else {
      this.#startedMs = this.#context.loop.now();
      this.#steps = this.#read();
      this.#proceed();
    }
  }

  /** Calls back once the tables are in use as they are now: at once where no load is due, and where it is put off for lack of memory. */
  whenInUse(then: () => void): void {
    const isReading = this.#steps !== null;
    if (this.#isShort || (!isReading && !this.#pending)) then();
    // A load that has begun may have read a table before its change.
    else this.#waiting.push({ then, loads: isReading && (this.#again || this.#pending) ? 2 : 1 });
  }

  readonly loadSoon = (): void => this.#loadIn(SETTLE_MS);

  #loadIn(delayMs: number): void {
    if (this.#pending) return;
    this.#pending = true;
    const { loop } = this.#context;
    loop.after(Math.max(delayMs, this.#quietUntilMs - loop.now()), () => {
      this.#pending = false;
      this.load();
    });
  }

  #proceed(): void {
    const { loop } = this.#context;
    const until = loop.now() + SLICE_MS;
    while (this.#steps?.next().done === false) {
      if (loop.now() < until) continue;
      loop.after(0, () => this.#proceed());
      return;
    }
    this.#steps = null;
    this.#quietUntilMs = loop.now() + REST * (loop.now() - this.#startedMs);
    if (!this.#isShort) this.#context.loaded();
    if (this.#again) this.loadSoon();
    this.#again = false;
    const waiting = this.#waiting;
    for (const each of waiting) each.loads = this.#isShort ? 0 : each.loads - 1;
    this.#waiting = waiting.filter(({ loads }) => loads > 0);
    for (const { then, loads } of waiting) if (loads <= 0) then();
  }

  *#read(): Generator<void> {
    const { sys, loop, output, zones, roster, agenda } = this.#context;
    zones.reread();
    const mounted = new MountedTables(sys);
    const watches = new Map<Bytes, number>();
    const tables = yield* readTables(sys, zones, (path) => {
      const known = watches.get(path);
      if (known !== undefined) return known;
      const watch = loop.watchDirectory(path, this.loadSoon);
      watches.set(path, watch);
      mounted.note(path);
      return watch;
    });
    const { shortage } = tables;
    for (const watch of (shortage === null ? this.#watches : watches).values()) loop.unwatchDirectory(watch);
    if (shortage !== null) {
      if (!this.#isShort) output.say(`${shortage}; the jobs stay as they were, next try in a minute`);
      this.#isShort = true;
      this.#loadIn(RETRY_MS);
      return;
    }
    this.#isShort = false;
    this.#watches = watches;
    this.#mounted = mounted;
    this.#tell(tables, roster.replace(tables.jobs));
    yield* agenda.plan(roster.members);
  }

  /** @param changed jobs came or went */
  #tell(tables: Tables, changed: boolean): void {
    const { sys, output } = this.#context;
    const { refusals, remarks } = tables;
    const lines = [...refusals, ...remarks];
    for (const line of lines) if (!this.#said.has(line)) output.say(line);
    const isNews = changed || refusals.length !== this.#refused;
    // With --quiet only what is wrong is said at the start.
    if (isNews && (lines.length > 0 || this.#isLoaded || !isQuiet(sys))) output.say(summaryOf(tables, sys.getuid()));
    this.#isLoaded = true;
    this.#said = new Set(lines);
    this.#refused = refusals.length;
  }
}

/** Whether the init was started with `--quiet`. */
function isQuiet(sys: Sys): boolean {
  const text = readFile(sys, "/proc/1/cmdline");
  const words = typeof text === "string" ? text.split("\0") : [];
  const end = words.indexOf("--");
  // Options may be shortened.
  return words.slice(0, end < 0 ? words.length : end).some((word) => word.length > 2 && "--quiet".startsWith(word));
}

/** `3 jobs in 2 files, 1 refused`. @param uid cron's own */
function summaryOf({ jobs, refusals, others }: Tables, uid: number): string {
  const files = new Set(jobs.map(({ origin }) => origin.split(":")[0])).size;
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const refused = refusals.length > 0 ? `, ${refusals.length} refused` : "";
  const left = others > 0 ? `, ${others} of others left out: cron without root runs only what is uid ${uid}'s` : "";
  return `${count(jobs.length, "job")} in ${count(files, "file")}${refused}${left}`;
}

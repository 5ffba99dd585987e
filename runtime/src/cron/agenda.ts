import { catchesUp, LONGEST_JUMP, nextRun, type Zone } from "../../../lib/cron/next.ts";
import type { Schedule } from "../../../lib/cron/schedule.ts";
import type { Bytes } from "../sys.ts";

const MINUTE_MS = 60_000;

/** Something with a schedule. */
export interface Plan {
  /** `null` is never. */
  readonly schedule: Schedule | null;
  readonly zone: Bytes;
  /** The minute since the Epoch of its next run; `null` is never. The agenda's own. */
  next: number | null;
  /** The zone in which that was found. The agenda's own. */
  plannedIn: Zone | null;
}

/** Decides which plans are due. It reads no clock: the caller passes the time, and by how much the clock was set since the last call. */
export class Agenda<P extends Plan> {
  readonly #zoneOf: (name: Bytes) => Zone;
  readonly #missed: (plan: P, lateMinutes: number) => void;
  #plans: readonly P[] = [];
  #seen: number;
  /** Jobs at fixed times up to this minute have run; the clock was set back since. */
  #reached = -Infinity;

  /**
   * @param seenMs milliseconds since the Epoch: what was due then, and earlier, is done
   * @param missed called for runs that are too late to be made up for
   */
  constructor(zoneOf: (name: Bytes) => Zone, seenMs: number, missed: (plan: P, lateMinutes: number) => void) {
    this.#zoneOf = zoneOf;
    this.#seen = Math.floor(seenMs / MINUTE_MS);
    this.#missed = missed;
  }

  /** Milliseconds since the Epoch up to which every plan that was due has been returned. */
  get seenMs(): number {
    return this.#seen * MINUTE_MS;
  }

  /** Skips everything due before `nowMs`: the other cron ran it. @param nowMs since the Epoch */
  begin(nowMs: number): void {
    this.#seen = Math.floor(nowMs / MINUTE_MS);
  }

  /** Takes these for all there is, and plans them one by one: those that are new, or whose zone has changed. */
  *plan(plans: readonly P[]): Generator<void> {
    this.#plans = plans;
    const seen = this.#seen;
    for (const plan of plans) {
      if (plan.next !== null && plan.next > seen && plan.plannedIn === this.#zoneOf(plan.zone)) continue;
      this.#plan(plan, seen);
      yield;
    }
  }

  #planAgain(): void {
    for (const plan of this.#plans) this.#plan(plan, this.#seen);
  }

  /** When to ask again at the latest, in milliseconds since the Epoch; `null` when nothing is planned. */
  nextMs(): number | null {
    let next: number | null = null;
    for (const plan of this.#plans) if (plan.next !== null && (next === null || plan.next < next)) next = plan.next;
    return next === null ? null : next * MINUTE_MS;
  }

  /**
   * Returns the plans that are to run now, each once.
   *
   * @param nowMs since the Epoch
   * @param jumpMs by so much the clock was set forward (or back, below 0) since the last call
   * @see cron(8)
   */
  due(nowMs: number, jumpMs: number): P[] {
    const now = Math.floor(nowMs / MINUTE_MS);
    const jump = Math.round(jumpMs / MINUTE_MS);
    if (Math.abs(jump) > LONGEST_JUMP) {
      // A correction: what the clock passed over was never due.
      this.#reached = -Infinity;
      this.#seen = now - 1;
      this.#planAgain();
    } else if (now === this.#seen - 1 && jumpMs > -MINUTE_MS) {
      // A step of seconds, as time servers make them: the minute begins a second time, and its jobs have run.
      return [];
    } else if (now < this.#seen) {
      this.#reached = Math.max(this.#reached, this.#seen);
      this.#seen = now - 1;
      this.#planAgain();
    }
    const due = this.#plans.filter((plan) => plan.next !== null && plan.next <= now);
    this.#seen = now;
    return due.filter((plan) => this.#take(plan, now));
  }

  /** Whether a plan whose time has come runs. */
  #take(plan: P, now: number): boolean {
    const late = now - (plan.next as number);
    this.#plan(plan, now - 1);
    const runs = plan.next === now || (plan.schedule !== null && catchesUp(plan.schedule, late));
    if (!runs) this.#missed(plan, late);
    this.#plan(plan, now);
    return runs;
  }

  #plan(plan: P, after: number): void {
    const { schedule } = plan;
    if (schedule === null) return;
    const from = schedule.wildcard ? after : Math.max(after, this.#reached);
    plan.plannedIn = this.#zoneOf(plan.zone);
    plan.next = nextRun(schedule, from, plan.plannedIn);
  }
}

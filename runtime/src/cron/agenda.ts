import { catchesUp, LONGEST_JUMP, nextRun, type Zone } from "../../../lib/cron/next.ts";
import type { Schedule } from "../../../lib/cron/schedule.ts";
import type { Bytes } from "../sys.ts";

const MINUTE_MS = 60_000;

/** Something with a schedule. */
export interface Planned {
  /** `null` is never. */
  readonly schedule: Schedule | null;
  readonly zone: Bytes;
  /** The minute since the Epoch of its next run; `null` is never. The agenda's own. */
  next: number | null;
}

/** Decides what is due. It reads no clock: whoever asks tells the time, and by how much the clock was set since the last question. */
export class Agenda<P extends Planned> {
  readonly #zoneOf: (name: Bytes) => Zone;
  readonly #missed: (plan: P, lateMinutes: number) => void;
  #plans: readonly P[] = [];
  #seen: number;
  /** Fixed times up to this minute have been, although the clock was set back before it. */
  #reached = -Infinity;

  /**
   * @param seenMs milliseconds since the Epoch: what was due then, and earlier, is done
   * @param missed told of runs that are too late to be made up for
   */
  constructor(zoneOf: (name: Bytes) => Zone, seenMs: number, missed: (plan: P, lateMinutes: number) => void) {
    this.#zoneOf = zoneOf;
    this.#seen = Math.floor(seenMs / MINUTE_MS);
    this.#missed = missed;
  }

  /** Milliseconds since the Epoch up to which everything due was told. */
  get seenMs(): number {
    return this.#seen * MINUTE_MS;
  }

  /** What was due until then is somebody else's. @param nowMs since the Epoch */
  begin(nowMs: number): void {
    this.#seen = Math.floor(nowMs / MINUTE_MS);
  }

  /** From now on these are all there is. */
  replace(plans: readonly P[]): void {
    this.#plans = plans;
    for (const plan of plans) this.#plan(plan, this.#seen);
  }

  /** When to ask again at the latest, in milliseconds since the Epoch; `null` when nothing is planned. */
  nextMs(): number | null {
    let next: number | null = null;
    for (const plan of this.#plans) if (plan.next !== null && (next === null || plan.next < next)) next = plan.next;
    return next === null ? null : next * MINUTE_MS;
  }

  /**
   * What is to run now, each once.
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
      this.replace(this.#plans);
    } else if (now === this.#seen - 1 && jumpMs > -MINUTE_MS) {
      // A step of seconds, as time servers make them: the minute begins a second time, and its jobs have run.
      return [];
    } else if (now < this.#seen) {
      this.#reached = Math.max(this.#reached, this.#seen);
      this.#seen = now - 1;
      this.replace(this.#plans);
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
    plan.next = nextRun(schedule, from, this.#zoneOf(plan.zone));
  }
}

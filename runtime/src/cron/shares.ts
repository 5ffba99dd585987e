import type { Bytes } from "../sys.ts";

/** The user whose jobs are not limited. */
const ROOT = "root";
/** Jobs of one user that run at a time, including those that have left a process behind that may still write. */
export const MAX_RUNS_OF_ONE = 100;
/** Descriptors that are kept for cron itself; of the others, root's jobs keep a quarter. */
const RESERVED = 64;
const SHARED_PART = 3 / 4;

/** How many jobs run, by users, and whether one more may. */
export class Shares {
  readonly #most: number;
  readonly #runs = new Map<Bytes, number>();
  #shared = 0;

  /** @param descriptors how many this process may have open; below 0 is unlimited */
  constructor(descriptors: number) {
    this.#most = descriptors < 0 ? Infinity : Math.max(1, Math.floor((descriptors - RESERVED) * SHARED_PART));
  }

  allows(user: Bytes): boolean {
    return user === ROOT || (this.#shared < this.#most && (this.#runs.get(user) ?? 0) < MAX_RUNS_OF_ONE);
  }

  /** Counts a run that begins (1), or that is over (-1). */
  count(user: Bytes, change: 1 | -1): void {
    if (user === ROOT) return;
    const runs = (this.#runs.get(user) ?? 0) + change;
    this.#shared += change;
    if (runs > 0) this.#runs.set(user, runs);
    else this.#runs.delete(user);
  }
}

/** Jobs that wait to be started: root's come first, then one of each other user in turn. */
export class StartQueue<T> {
  readonly #waiting = new Map<Bytes, T[]>();

  add(user: Bytes, item: T): void {
    const items = this.#waiting.get(user);
    if (items === undefined) this.#waiting.set(user, [item]);
    else items.push(item);
  }

  /** Takes the next item of a user who is allowed one; `null` when there is none. */
  take(allows: (user: Bytes) => boolean): T | null {
    for (const user of this.#waiting.has(ROOT) ? [ROOT] : this.#waiting.keys()) {
      if (!allows(user)) continue;
      const items = this.#waiting.get(user) ?? [];
      const item = items.shift();
      // Behind the others.
      this.#waiting.delete(user);
      if (items.length > 0) this.#waiting.set(user, items);
      if (item !== undefined) return item;
    }
    return null;
  }
}

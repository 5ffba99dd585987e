import type { Bytes } from "../sys.ts";

/** Whose jobs have no share: cron is there for them first. */
const ROOT = "root";
/** So many jobs of one user run at a time, those included that have left something behind that may still write. */
export const MAX_RUNS_OF_ONE = 100;
/** Descriptors that jobs of users leave to cron and to root's jobs: one part in four, and so many. */
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

/** What waits to be started: root's before all others, and one of each other user in turn. */
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

import type { WaitStatus } from "../../../lib/linux/wait-status.ts";
import { Errno, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";
import type { Loop } from "./loop.ts";

/** Most children reaped before other events get their turn. */
const REAPED_PER_TURN = 4096;

/** In a flood of orphans they are reaped once in this time and not one by one: each wake-up costs more than a reaping. */
const FLOOD_PAUSE_MS = 1;

/** Gets the wait status of a child that it waits for. An object and not a closure: 1,000 services cost no closure each. */
export interface Parent {
  exited(pid: number, status: WaitStatus): void;
}

/**
 * Every child of this process, started or adopted, is reaped here and at once. Statuses of strangers are dropped, so
 * none can be taken for a later child with the same pid; a pid in here is not reaped yet and safe to signal.
 */
export class Children {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #parents = new Map<number, Parent>();
  #whenNone: (() => void)[] = [];
  #spared: () => number = () => 0;
  #orphansAt = 0;

  constructor(sys: Sys, loop: Loop) {
    this.#sys = sys;
    this.#loop = loop;
  }

  /** From now on `parent` hears of the end of `pid`, which must be an unreaped child. */
  add(pid: number, parent: Parent): void {
    this.#parents.set(pid, parent);
  }

  /** Reaps all that is dead. Call it for every SIGCHLD; the signal coalesces. */
  reap(): void {
    let orphansOnly = true;
    for (let count = 0; count < REAPED_PER_TURN; count++) {
      const result = this.#sys.reap();
      if (result === -Errno.ECHILD || (result === 0 && this.#onlySpared())) this.#none();
      if (result <= 0) {
        if (count > 0 && orphansOnly) this.#paceOrphans();
        return;
      }
      const pid = Math.floor(result / 0x10000);
      const parent = this.#parents.get(pid);
      if (parent !== undefined) {
        orphansOnly = false;
        this.#parents.delete(pid);
        parent.exited(pid, result % 0x10000);
      }
    }
    this.#loop.after(0, () => this.reap());
  }

  /** Resolves with the wait status of `pid`. */
  exitOf(pid: number): Promise<WaitStatus> {
    return new Promise((resolve) => this.add(pid, { exited: (_, status) => resolve(status) }));
  }

  /**
   * Resolves as soon as this process has no child, or only one that nobody has to wait for.
   * @param spared tells the pid of that one, 0 for none
   */
  noneBut(spared: () => number): Promise<void> {
    return new Promise((resolve) => {
      this.#spared = spared;
      this.#whenNone.push(resolve);
      this.reap();
    });
  }

  /** Asked only while somebody waits for the end of all. @see proc_tid_children(5) */
  #onlySpared(): boolean {
    const pid = this.#whenNone.length > 0 ? this.#spared() : 0;
    if (pid === 0) return false;
    const children = readFile(this.#sys, `/proc/self/task/${this.#sys.getpid()}/children`);
    return children === `${pid} `;
  }

  #paceOrphans(): void {
    const now = this.#loop.now();
    if (now - this.#orphansAt < FLOOD_PAUSE_MS) this.#loop.deferSignals(FLOOD_PAUSE_MS);
    this.#orphansAt = now;
  }

  #none(): void {
    const waiting = this.#whenNone;
    this.#whenNone = [];
    for (const resolve of waiting) resolve();
  }
}

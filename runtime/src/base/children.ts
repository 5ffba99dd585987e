import { reapedPid, reapedStatus, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { Errno, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";
import type { LastAnswers } from "./journal.ts";
import type { Loop } from "./loop.ts";

const PAGE_BYTES = 4096;
const MAX_LIST_BYTES = 1 << 22;
/** Most children reaped before other events get their turn. */
const REAPED_PER_TURN = 4096;

/** A flood of orphans is reaped once in this time and not one by one: each wake-up costs more than a reaping. */
const FLOOD_PAUSE_MS = 1;

/** Receives the wait status of its child. An object and not a closure: 1,000 services cost no closure each. */
export interface Parent {
  /** Runs before the next child is reaped. State that must survive a crash is to be written down here. */
  exited(pid: number, status: WaitStatus): void;
}

/**
 * Reaps every child of this process at once, those that it started and those that it adopted. Statuses of strangers are dropped, so
 * that none is taken for that of a later child with the same pid. A pid in here is not reaped yet and safe to signal.
 */
export class Children {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #lastReaped: LastAnswers["reaped"];
  readonly #parents = new Map<number, Parent>();
  #whenNone: (() => void)[] = [];
  #spared: (pid: number) => boolean = () => false;
  #orphansAt = 0;

  /** @param lastReaped the child that the previous incarnation reaped last */
  constructor(sys: Sys, loop: Loop, lastReaped: LastAnswers["reaped"] = { pid: 0, status: 0 }) {
    this.#sys = sys;
    this.#loop = loop;
    this.#lastReaped = lastReaped;
  }

  /** Reports the end of `pid`, which must be an unreaped child, to `parent`. */
  add(pid: number, parent: Parent): void {
    this.#parents.set(pid, parent);
  }

  /** Takes over a child of the previous incarnation. If that one reaped it and could not write it down, `parent` hears of it now. */
  adopt(pid: number, parent: Parent): void {
    this.add(pid, parent);
    if (this.#sys.kill(pid, 0) !== -Errno.ESRCH) return;
    this.#parents.delete(pid);
    parent.exited(pid, pid === this.#lastReaped.pid ? this.#lastReaped.status : 0);
  }

  /** Reaps all dead children. Call it for every SIGCHLD; the signal coalesces. */
  reap(): void {
    let orphansOnly = true;
    for (let count = 0; count < REAPED_PER_TURN; count++) {
      const result = this.#sys.reap();
      if (result === -Errno.ECHILD || (result === 0 && this.#onlySpared())) this.#none();
      if (result <= 0) {
        if (count > 0 && orphansOnly) this.#paceOrphans();
        return;
      }
      const pid = reapedPid(result);
      const parent = this.#parents.get(pid);
      if (parent !== undefined) {
        orphansOnly = false;
        this.#parents.delete(pid);
        parent.exited(pid, reapedStatus(result));
      }
    }
    this.#loop.after(0, () => this.reap());
  }

  /**
   * Resolves as soon as this process has no child but those that nobody has to wait for.
   * @param spared whether this child is such a one
   */
  noneBut(spared: (pid: number) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#spared = spared;
      this.#whenNone.push(resolve);
      this.reap();
    });
  }

  /** Returns the pids of all children; none where the kernel does not list them. @see proc_tid_children(5) */
  living(): number[] {
    return this.#list(MAX_LIST_BYTES).map(Number);
  }

  /** Looks only while somebody waits for the end of all. More than a page of children is never only the spared ones: this runs for each end. */
  #onlySpared(): boolean {
    const first = this.#whenNone.length > 0 ? this.#list(PAGE_BYTES) : [];
    return first.length > 0 && first.length < PAGE_BYTES / 8 && first.every((pid) => this.#spared(Number(pid)));
  }

  #list(maxBytes: number): string[] {
    const list = readFile(this.#sys, `/proc/self/task/${this.#sys.getpid()}/children`, maxBytes);
    return typeof list !== "string" || list === "" ? [] : list.trim().split(" ");
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

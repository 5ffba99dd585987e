import type { Loop } from "../base/loop.ts";
import type { Messages } from "../base/messages.ts";
import { processIds, readProcess } from "../base/process-tree.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

/** Processes that `run` leaves behind may be ending by themselves; after this time they are not. */
const LEFT_BEHIND_MS = 1000;
/** At most so many of a service's are named. */
const MAX_NAMED = 3;
/** At most so many processes are looked at before other events get their turn. */
const READ_PER_TURN = 100;

interface Session {
  readonly group: number;
  readonly service: Bytes;
  readonly dueAt: number;
  readonly names: Bytes[];
  count: number;
}

/**
 * Names the processes of a session whose leader, the `run` of a service, has ended. They may hold the port that the next start needs,
 * and nobody tells them to stop; the usual cause is a `run` whose shell waits for its last command. One scan of /proc serves all
 * services that ended since the last one.
 */
export class LeftBehind {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #messages: Messages;
  #waiting: Session[] = [];
  #busy = false;

  constructor(sys: Sys, loop: Loop, messages: Messages) {
    this.#sys = sys;
    this.#loop = loop;
    this.#messages = messages;
  }

  /** @param group the process group of the leader that has ended, which is its pid */
  look(group: number, service: Bytes): void {
    if (!this.#isThere(group)) return;
    this.#waiting.push({ group, service, dueAt: this.#loop.now() + LEFT_BEHIND_MS, names: [], count: 0 });
    if (!this.#busy) this.#wait();
  }

  #isThere(group: number): boolean {
    return this.#sys.kill(-group, 0) !== -Errno.ESRCH;
  }

  #wait(): void {
    const first = this.#waiting[0];
    this.#busy = first !== undefined;
    if (first !== undefined) this.#loop.after(first.dueAt - this.#loop.now(), () => this.#begin());
  }

  #begin(): void {
    const now = this.#loop.now();
    const due = this.#waiting.filter(({ dueAt }) => dueAt <= now);
    this.#waiting = this.#waiting.filter(({ dueAt }) => dueAt > now);
    const left = new Map(due.filter(({ group }) => this.#isThere(group)).map((session) => [session.group, session]));
    if (left.size === 0) this.#wait();
    else this.#scan(left, processIds(this.#sys), 0);
  }

  #scan(left: ReadonlyMap<number, Session>, pids: readonly number[], from: number): void {
    const end = Math.min(from + READ_PER_TURN, pids.length);
    for (let i = from; i < end; i++) {
      const process = readProcess(this.#sys, pids[i] as number);
      const session = process === null ? undefined : left.get(process.group);
      if (process === null || session === undefined) continue;
      if (session.count++ < MAX_NAMED) session.names.push(`${process.name} (PID ${process.pid})`);
    }
    if (end < pids.length) {
      this.#loop.after(0, () => this.#scan(left, pids, end));
      return;
    }
    for (const session of left.values()) this.#report(session);
    this.#wait();
  }

  #report({ service, names, count }: Session): void {
    if (count === 0) return;
    const more = count > names.length ? ` and ${count - names.length} more` : "";
    this.#messages.warn(
      `service ${service} has ended but left ${names.join(", ")}${more} running: let run start it with "exec", or stop it`,
    );
  }
}

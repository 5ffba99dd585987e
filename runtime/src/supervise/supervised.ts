import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import type { Parent } from "../base/children.ts";
import { isExecutable } from "../base/files.ts";
import { membersOf } from "../base/process-tree.ts";
import { explain, spawn } from "../base/programs.ts";
import type { Timer } from "../base/timers.ts";
import { type Bytes, Errno, SpawnFlag } from "../sys.ts";
import { UP_MS } from "./backoff.ts";
import type { Context } from "./context.ts";
import { userOf } from "./service-user.ts";
import {
  deadline,
  type Effect,
  type Event,
  finishArguments,
  initial,
  livePid,
  type State,
  transition,
} from "./transition.ts";

/** An editor or a `cat > run; chmod +x run` makes several changes; they are taken as one. */
export const SETTLE_MS = 50;
/** What `run` leaves behind may be ending by itself; after this time it is not. */
const LEFT_BEHIND_MS = 1000;
/** So many of them are named. */
const MAX_NAMED = 3;

/** Whom a supervised process belongs to. */
export interface Owner {
  /** Called after every change of {@link Supervised.state}. */
  changed(): void;
  /** Descriptors 0, 1 and 2 of the process. */
  stdioOf(process: Supervised): [number, number, number];
}

/** Executes what {@link transition} decides, for the `run` of one service or of its log. */
export class Supervised implements Parent {
  readonly #context: Context;
  readonly #owner: Owner;
  /** The service's name, `NAME/log` for a log: its directory below the context's. */
  readonly name: Bytes;
  state: State;
  /** Why it does not run though it should: how it ended, or why it cannot be started. */
  #problem = "";
  #timer: Timer | null = null;
  #watch = -1;

  /** @param resumed the state that an earlier incarnation left, or `null` */
  constructor(context: Context, owner: Owner, name: Bytes, resumed: State | null) {
    this.#context = context;
    this.#owner = owner;
    this.name = name;
    this.state = resumed ?? initial(this.#now());
    const pid = livePid(this.state);
    if (pid > 0) context.children.add(pid, this);
    this.#deriveTimer();
  }

  get path(): Bytes {
    return `${this.#context.directory}/${this.name}`;
  }

  /** A log cannot be customised: neither `control/` nor `user` counts for it. @see runsv(8) */
  get #isLog(): boolean {
    return this.name.includes("/");
  }

  dispatch(event: Event): void {
    // Destructuring would run an iterator: this is the path of every start, stop and exit.
    const result = transition(this.state, event, this.#now(), this.#context.backoff);
    const state = result[0];
    if (state === this.state) return;
    this.state = state;
    this.#deriveTimer();
    for (let i = 1; i < result.length; i++) this.#perform(result[i] as Effect);
    // Else an effect has led to a further state, which was told.
    if (this.state === state) this.#owner.changed();
  }

  /** After a crash: a process that ended and was reaped before that could be noted is missed by nobody else. */
  missGone(): void {
    const pid = livePid(this.state);
    if (pid > 0 && this.#context.sys.kill(pid, 0) === -Errno.ESRCH) this.exited(pid, 0);
  }

  exited(pid: number, status: WaitStatus): void {
    if (pid !== livePid(this.state)) return;
    this.#lookBehind(pid);
    const finish = this.state.kind === "up" && isExecutable(this.#context.sys, `${this.path}/finish`);
    this.dispatch({ kind: "exited", status, finish });
  }

  /** In words, why it waits to be started again, and until when; `""` when it does not wait. */
  get problem(): string {
    const { state } = this;
    if (state.kind !== "backoff") return "";
    return `${this.#problem}${this.#problem && "; "}next try in ${seconds(Math.max(0, state.at - this.#now()))}`;
  }

  /**
   * Names what is still there of a session whose leader has ended. It may hold the port that the next start needs, and nobody
   * will tell it to stop; the usual cause is a `run` whose shell waits for its last command.
   */
  #lookBehind(pid: number): void {
    const { sys, loop, messages } = this.#context;
    const isThere = () => sys.kill(-pid, 0) !== -Errno.ESRCH;
    if (!isThere()) return;
    loop.after(LEFT_BEHIND_MS, () => {
      const left = isThere() ? membersOf(sys, pid) : [];
      if (left.length === 0) return;
      const names = left.slice(0, MAX_NAMED).map((process) => `${process.name} (PID ${process.pid})`);
      const more = left.length > MAX_NAMED ? ` and ${left.length - MAX_NAMED} more` : "";
      messages.warn(
        `service ${this.name} has ended but left ${names.join(", ")}${more} running: let run start it with "exec", or stop it`,
      );
    });
  }

  /** Whole milliseconds: they are written down at every change. */
  #now(): number {
    return Math.floor(this.#context.loop.now());
  }

  #deriveTimer(): void {
    const { loop } = this.#context;
    if (this.#timer !== null) loop.cancel(this.#timer);
    const at = deadline(this.state);
    this.#timer = at === null ? null : loop.after(at - loop.now(), () => this.dispatch({ kind: "timer" }));
    if (this.#watch >= 0 && this.state.kind !== "backoff") {
      loop.unwatchDirectory(this.#watch);
      this.#watch = -1;
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "start":
        if (effect.program === "finish") this.#start("finish", finishArguments(effect.status));
        else if (!this.#control("u", () => this.#start("run", []))) this.#start("run", []);
        return;
      case "signal":
        this.#signal(effect.pid, effect.signal, effect.letter);
        return;
      case "ended":
        this.#tell(effect.status, effect.uptimeMs, effect.delayMs);
        return;
    }
  }

  #start(program: "run" | "finish", args: readonly Bytes[]): void {
    const { sys, children, messages } = this.#context;
    const user = this.#isLog ? null : userOf(sys, this.path, this.#context.environment);
    const pid =
      typeof user === "string"
        ? user
        : spawn(sys, {
            path: `./${program}`,
            argv: [`./${program}`, ...args],
            env: user?.environment ?? this.#context.environment,
            cwd: this.path,
            stdio: this.#owner.stdioOf(this),
            flags: SpawnFlag.Session,
            ids: user?.ids ?? null,
          });
    if (typeof pid === "number" && pid > 0) {
      children.add(pid, this);
      this.dispatch({ kind: "started", pid });
      return;
    }
    this.dispatch({ kind: "failed" });
    const path = `${this.path}/${program}`;
    const reason = typeof pid === "string" ? pid : `${path}: ${explain(sys, path, -pid)}`;
    if (program === "run") this.#problem = `cannot start it: ${reason}`;
    const retry =
      this.state.kind === "backoff"
        ? `; next try when the directory changes or in ${seconds(this.state.at - this.state.since)}`
        : "";
    messages.warn(`cannot start service ${this.name}: ${reason}${retry}`);
    if (this.state.kind === "backoff") this.#watchForRepair();
  }

  #watchForRepair(): void {
    const { loop } = this.#context;
    let pending = false;
    this.#watch = loop.watchDirectory(this.path, () => {
      if (pending) return;
      pending = true;
      loop.after(SETTLE_MS, () => this.dispatch({ kind: "changed" }));
    });
  }

  #signal(pid: number, signal: number, letter: string): void {
    const send = () => {
      if (livePid(this.state) === pid) this.#context.sys.kill(pid, signal);
    };
    const custom = letter === "d" || letter === "x" ? "t" : letter;
    if (!this.#control(custom, (status) => status !== 0 && send())) send();
    // On `down` and at the end runit runs control/d or control/x beside control/t, whatever comes of it.
    if (custom !== letter) this.#control(letter, () => {});
  }

  /** Runs `control/LETTER` when there is one and calls `done` with its status; `false` when there is none. @see runsv(8) */
  #control(letter: string, done: (status: WaitStatus) => void): boolean {
    const { sys, children, messages } = this.#context;
    const path = `${this.path}/control/${letter}`;
    if (letter === "" || this.#isLog || !isExecutable(sys, path)) return false;
    const script = `control/${letter}`;
    const pid = spawn(sys, {
      path: `./${script}`,
      argv: [script],
      env: this.#context.environment,
      cwd: this.path,
      stdio: [-1, 1, 2],
      flags: SpawnFlag.Session,
    });
    if (pid < 0) {
      messages.warn(`cannot run ${script} of service ${this.name}: ${explain(sys, path, -pid)}`);
      return false;
    }
    children.add(pid, { exited: (_, status) => done(status) });
    return true;
  }

  #tell(status: WaitStatus, uptimeMs: number, delayMs: number): void {
    const signal = exitSignal(status);
    const how =
      signal > 0
        ? `was killed by ${signalName(signal)}${this.#context.outOfMemory.cause(signal)}`
        : `exited with status ${exitCode(status)}`;
    const hint = status === 0 && uptimeMs < UP_MS ? " (run has to stay in the foreground)" : "";
    this.#problem = `${how} after ${seconds(uptimeMs)}${hint}`;
    const next = delayMs <= 0 ? "restarting it" : `restarting it in ${seconds(delayMs)}`;
    const text = `service ${this.name} ${this.#problem}: ${next}`;
    if (status === 0) this.#context.messages.info(text);
    else this.#context.messages.warn(text);
  }
}

function seconds(ms: number): string {
  return `${ms < 10_000 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000)} s`;
}

import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { formatDuration } from "../../../lib/text/duration.ts";
import type { Parent } from "../base/children.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawn } from "../base/programs.ts";
import { send } from "../base/signalling.ts";
import type { Timer } from "../base/timers.ts";
import { type Bytes, SpawnFlag } from "../sys.ts";
import { UP_MS } from "./backoff.ts";
import type { Context } from "./context.ts";
import { type ServiceUser, userOf } from "./service-user.ts";
import {
  deadline,
  type Effect,
  finishArguments,
  initial,
  livePid,
  type State,
  type Trigger,
  transition,
} from "./transition.ts";

/** An editor or a `cat > run; chmod +x run` makes several changes; they are taken as one. */
export const SETTLE_MS = 50;

/** A signal that is still to be sent, unless a `control/` script does so in its place. */
export interface PendingSignal {
  /** The process that it is for. */
  readonly to: number;
  /** 0 when the script runs beside another signal. */
  readonly signal: number;
  /** The script's letter, or `""`. */
  readonly letter: string;
  /** The script's pid; 0 before its start. */
  script: number;
}

/** The service to which a process belongs. */
export interface Owner {
  /** Runs after every change of {@link ServiceProcess.state}. */
  changed(): void;
  /** Writes the states into the journal. */
  note(): void;
  /** Returns descriptors 0, 1 and 2 of the process. */
  stdioOf(process: ServiceProcess): [number, number, number];
}

/** Executes the decisions of {@link transition} for the `run` of one service or of its log. */
export class ServiceProcess implements Parent {
  readonly #context: Context;
  readonly #owner: Owner;
  /** A log cannot be customised: neither `control/` nor `user` counts for it. @see runsv(8) */
  readonly #isLog: boolean;
  /** The service's name, `NAME/log` for a log: its directory below the context's. */
  readonly name: Bytes;
  state: State;
  /** In the journal before the first of them is sent: a service that was told to end is not to be started again after a crash. */
  readonly pending: PendingSignal[];
  /** Why it does not run although it should: how it ended, or why it cannot be started. */
  #problem = "";
  #timer: Timer | null = null;
  #watch = -1;

  /** @param resumed the state that the previous incarnation left, or `null`, and the signals that it had still to send */
  constructor(
    context: Context,
    owner: Owner,
    service: Bytes,
    isLog: boolean,
    resumed: State | null,
    pending: readonly PendingSignal[],
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#isLog = isLog;
    this.name = isLog ? `${service}/log` : service;
    this.state = resumed ?? initial(this.#now());
    this.pending = [...pending];
    this.#deriveTimer();
  }

  get path(): Bytes {
    return `${this.#context.directory}/${this.name}`;
  }

  dispatch(trigger: Trigger): void {
    // Destructuring would run an iterator: this is the path of every start, stop and exit.
    const result = transition(this.state, trigger, this.#now(), this.#context.backoff);
    const state = result[0];
    if (state === this.state) return;
    this.state = state;
    this.#deriveTimer();
    const signals: PendingSignal[] = [];
    for (let i = 1; i < result.length; i++) {
      const effect = result[i] as Effect;
      if (effect.kind === "signal") signals.push(...signalsOf(effect.pid, effect.signal, effect.letter));
    }
    if (signals.length > 0) {
      this.pending.push(...signals);
      this.#owner.note();
      for (const signal of signals) this.#deliver(signal);
    }
    for (let i = 1; i < result.length; i++) this.#perform(result[i] as Effect);
    // Else an effect has led to a further state, which was reported.
    if (this.state === state) this.#owner.changed();
  }

  /** Goes on where the previous incarnation was: follows its process, or completes the start that its crash interrupted. */
  takeOver(): void {
    const { children, loop } = this.#context;
    if (this.state.kind === "starting") {
      const preparing = this.#startedBefore("control/u");
      const started = this.#startedBefore(this.state.program);
      if (preparing > 0) this.dispatch({ kind: "preparing", pid: preparing });
      else if (started > 0) this.dispatch({ kind: "started", pid: started });
      // In a turn of its own: where the container stops, the service is told first.
      else loop.after(0, () => this.#startAgain());
    }
    const pid = livePid(this.state);
    if (pid > 0) children.adopt(pid, this);
    for (const signal of [...this.pending]) this.#deliverAgain(signal);
  }

  /** The pid of the last start before the crash, if it was that of this program; else 0. */
  #startedBefore(program: Bytes): number {
    const { intent, pid } = this.#context.journal.last.started;
    return intent === this.#intent(program) ? pid : 0;
  }

  exited(pid: number, status: WaitStatus): void {
    if (pid !== livePid(this.state)) return;
    this.#context.leftBehind.look(pid, this.name);
    const finish = this.state.kind === "up" && isExecutable(this.#context.sys, `${this.path}/finish`);
    this.dispatch({ kind: "exited", status, finish });
  }

  /** In words, why it waits to be started again, and until when; `""` when it does not wait. */
  get problem(): string {
    const { state } = this;
    if (state.kind !== "backoff") return "";
    return `${this.#problem}${this.#problem && "; "}next try in ${formatDuration(Math.max(0, state.at - this.#now()))}`;
  }

  /** Whole milliseconds: they are written down at every change. */
  #now(): number {
    return Math.floor(this.#context.loop.now());
  }

  #deriveTimer(): void {
    const { loop } = this.#context;
    if (this.#timer !== null) loop.cancel(this.#timer);
    const at = deadline(this.state);
    // Not before the whole millisecond has come: nobody asks a second time.
    this.#timer = at === null ? null : loop.after(Math.ceil(at) - loop.now(), () => this.dispatch({ kind: "timer" }));
    if (this.#watch >= 0 && this.state.kind !== "backoff") {
      loop.unwatchDirectory(this.#watch);
      this.#watch = -1;
    }
  }

  #startAgain(): void {
    const { state } = this;
    if (state.kind !== "starting") return;
    if (state.program === "finish") this.#perform({ kind: "start", program: "finish", status: state.status });
    else if (state.stop) this.dispatch({ kind: "failed" });
    else this.#perform({ kind: "start", program: "run", prepared: state.prepared });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "start":
        if (effect.program === "finish") this.#start("finish", finishArguments(effect.status));
        else if (effect.prepared || !this.#prepare()) this.#start("run", []);
        return;
      case "signal":
        return;
      case "ended":
        this.#report(effect.status, effect.uptimeMs, effect.delayMs);
        return;
    }
  }

  /** Starts `control/u` when there is one. */
  #prepare(): boolean {
    const pid = this.#spawnControl("u");
    if (pid <= 0) return false;
    this.#context.children.add(pid, this);
    this.dispatch({ kind: "preparing", pid });
    return true;
  }

  #start(program: "run" | "finish", args: readonly Bytes[]): void {
    const { sys, children, messages } = this.#context;
    const user = this.#isLog ? null : userOf(sys, this.path, this.#context.environment);
    const pid = typeof user === "string" ? user : this.#spawn(program, [`./${program}`, ...args], user);
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
        ? `; next try when the directory changes or in ${formatDuration(this.state.at - this.state.since)}`
        : "";
    messages.warn(`cannot start service ${this.name}: ${reason}${retry}`);
    if (this.state.kind === "backoff") this.#watchForRepair();
  }

  /** Names a start in the journal. */
  #intent(program: Bytes): Bytes {
    return `service ${this.name} ${program}`;
  }

  /** Starts a program of the service's directory; the journal knows of it before and after. */
  #spawn(program: Bytes, argv: readonly Bytes[], user: ServiceUser | null): number {
    const { sys, journal, environment } = this.#context;
    // In this order: a state of `starting` in the journal means that the intent is of this start.
    journal.intend(this.#intent(program));
    this.#owner.note();
    return spawn(sys, {
      path: `./${program}`,
      argv,
      env: user?.environment ?? environment,
      cwd: this.path,
      stdio: this.#owner.stdioOf(this),
      flags: SpawnFlag.Session,
      ids: user?.ids ?? null,
    });
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

  /** Runs the `control/` script in the place of a signal, or sends it when there is none. @see runsv(8) */
  #deliver(signal: PendingSignal): void {
    signal.script = this.#spawnControl(signal.letter);
    if (signal.script > 0) {
      this.#context.children.add(signal.script, this.#after(signal));
      this.#owner.note();
    } else this.#complete(signal, true);
  }

  /** Completes what the previous incarnation began, without a second run of a script. */
  #deliverAgain(signal: PendingSignal): void {
    signal.script ||= this.#startedBefore(`control/${signal.letter}`);
    if (signal.script > 0) this.#context.children.adopt(signal.script, this.#after(signal));
    else if (livePid(this.state) === signal.to) this.#deliver(signal);
    else this.#complete(signal, false);
  }

  /** The signal is sent all the same when its script fails. */
  #after(signal: PendingSignal): Parent {
    return {
      exited: (_, status) => {
        this.#complete(signal, status !== 0);
        this.#owner.note();
      },
    };
  }

  #complete(signal: PendingSignal, wanted: boolean): void {
    if (wanted && signal.signal > 0 && livePid(this.state) === signal.to) send(this.#context, signal.to, signal.signal);
    this.pending.splice(this.pending.indexOf(signal), 1);
  }

  /** Returns the pid of `control/LETTER`; 0 when there is none, or it cannot be run (with a warning). */
  #spawnControl(letter: string): number {
    const { sys, messages } = this.#context;
    const script = `control/${letter}`;
    const path = `${this.path}/${script}`;
    if (letter === "" || this.#isLog || !isExecutable(sys, path)) return 0;
    const pid = this.#spawn(script, [script], null);
    if (pid > 0) return pid;
    messages.warn(`cannot run ${script} of service ${this.name}: ${explain(sys, path, -pid)}`);
    return 0;
  }

  #report(status: WaitStatus, uptimeMs: number, delayMs: number): void {
    const signal = exitSignal(status);
    const how =
      signal > 0
        ? `was killed by ${signalName(signal)}${this.#context.outOfMemory.cause(signal)}`
        : `exited with status ${exitCode(status)}`;
    const hint = status === 0 && uptimeMs < UP_MS ? " (run has to stay in the foreground)" : "";
    this.#problem = `${how} after ${formatDuration(uptimeMs)}${hint}`;
    const next = delayMs <= 0 ? "restarting it" : `restarting it in ${formatDuration(delayMs)}`;
    const text = `service ${this.name} ${this.#problem}: ${next}`;
    if (status === 0) this.#context.messages.info(text);
    else this.#context.messages.warn(text);
  }
}

/** On `down` (d) and at the end (x) runit runs that script beside control/t, whatever comes of it. @see runsv(8) */
function signalsOf(to: number, signal: number, letter: string): PendingSignal[] {
  if (letter !== "d" && letter !== "x") return [{ to, signal, letter, script: 0 }];
  return [
    { to, signal, letter: "t", script: 0 },
    { to, signal: 0, letter, script: 0 },
  ];
}

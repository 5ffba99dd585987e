import { Signal } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { type BackoffSettings, type Failures, NO_FAILURES, nextStart, UP_MS } from "./backoff.ts";

/**
 * One supervised process: the `run` of a service or of its `log`, with `control/u` before each life and `finish` after it. The wanted
 * state stands apart from the actual one:
 *
 * | state     | wanted up                              | wanted down                      |
 * |-----------|----------------------------------------|----------------------------------|
 * | down      | never                                  | nothing runs                     |
 * | starting  | `run` or `finish` is being started     | same; it is stopped once it runs |
 * | preparing | `control/u` lives, then `run`          | `control/u` was told to end      |
 * | up        | `run` lives                            | `run` was told to end            |
 * | finish    | `finish` lives, then a start or a wait | `finish` lives, then down        |
 * | backoff   | waits for `at`                         | never                            |
 *
 * Times are milliseconds of the monotonic clock. Nothing here reads it, or touches a process.
 */
export type State = { readonly want: "up" | "down"; readonly since: number; readonly failures: Failures } & (
  | { readonly kind: "down" }
  /** `prepared`: `control/u` has run. `stop`: the process is to be stopped as soon as it runs. */
  | { readonly kind: "starting"; readonly program: "run"; readonly prepared: boolean; readonly stop: boolean }
  | { readonly kind: "starting"; readonly program: "finish"; readonly status: WaitStatus; readonly delayMs: number }
  /** `stop`: `run` does not follow. */
  | { readonly kind: "preparing"; readonly pid: number; readonly stop: boolean }
  | {
      readonly kind: "up";
      readonly pid: number;
      readonly paused: boolean;
      readonly gotTerm: boolean;
      readonly asked: boolean;
    }
  | { readonly kind: "finish"; readonly pid: number; readonly delayMs: number }
  | { readonly kind: "backoff"; readonly at: number }
);

/** What an operator or the init wants of the process, or what has happened to it. */
export type Trigger =
  /** `up` and `once` as `sv` means them; `drain` is `down` without a signal: the end of its input ends a log. */
  | { readonly kind: "up" | "once" | "drain" | "timer" | "changed" }
  /** `letter` is `x` when the whole container stops, else `d`: the `control/` script that is run beside the TERM. */
  | { readonly kind: "down"; readonly letter: "d" | "x" }
  /** A signal for the process, as `sv` asks; `letter` names the `control/` script that may replace it. */
  | { readonly kind: "signal"; readonly signal: number; readonly letter: string }
  /** Answers to a `start` effect; `preparing` is that of a start of `run` whose `control/u` runs first. */
  | { readonly kind: "started" | "preparing"; readonly pid: number }
  | { readonly kind: "failed" }
  /** The process has ended. `finish`: a finish script is there to be run. */
  | { readonly kind: "exited"; readonly status: WaitStatus; readonly finish: boolean };

export type Effect =
  | { readonly kind: "start"; readonly program: "run"; readonly prepared: boolean }
  | { readonly kind: "start"; readonly program: "finish"; readonly status: WaitStatus }
  | { readonly kind: "signal"; readonly pid: number; readonly signal: number; readonly letter: string }
  /** Worth a message to the operator: the process ended unasked. */
  | { readonly kind: "ended"; readonly status: WaitStatus; readonly uptimeMs: number; readonly delayMs: number };

export function initial(now: number): State {
  return { kind: "down", want: "down", since: now, failures: NO_FAILURES };
}

/** Returns when the state wants a `timer` trigger, or `null`. */
export function deadline(state: State): number | null {
  return state.kind === "backoff" ? state.at : null;
}

/** Returns the pid of the state's live process, or 0. */
export function livePid(state: State): number {
  return state.kind === "up" || state.kind === "finish" || state.kind === "preparing" ? state.pid : 0;
}

type Result = [State, ...Effect[]];

/** Returns the next state, and what has to be done in this order. Triggers without a meaning in a state change nothing. */
export function transition(state: State, trigger: Trigger, now: number, backoff: BackoffSettings): Result {
  switch (trigger.kind) {
    case "up":
      return state.kind === "down" || state.kind === "backoff" ? start(state, "up", now) : [wanting(state, "up")];
    case "once":
      return state.kind === "down" || state.kind === "backoff"
        ? start(state, "down", now)
        : [wanting(state, "down", false)];
    case "down":
      return down(state, trigger.letter, now);
    case "drain":
      // One more life for what is still in the pipe; it ends at the end of its input.
      return state.kind === "backoff" ? start(state, "down", now) : [wanting(state, "down", false)];
    case "signal":
      return signal(state, trigger.signal, trigger.letter);
    case "started":
      return started(state, trigger.pid, now);
    case "preparing":
      return preparing(state, trigger.pid, now);
    case "failed":
      return failed(state, now, backoff);
    case "exited":
      return exited(state, trigger.status, trigger.finish, now, backoff);
    case "timer":
      return state.kind === "backoff" && now >= state.at ? start(state, "up", now) : [state];
    case "changed":
      return state.kind === "backoff" ? start(state, "up", now) : [state];
  }
}

function wanting(state: State, want: State["want"], stop = want === "down"): State {
  if (state.kind === "preparing" || (state.kind === "starting" && state.program === "run"))
    return { ...state, want, stop };
  return { ...state, want };
}

function start(state: State, want: State["want"], now: number, prepared = false): Result {
  return [
    { kind: "starting", program: "run", prepared, stop: false, want, since: now, failures: state.failures },
    { kind: "start", program: "run", prepared },
  ];
}

function settle(state: State, now: number): State {
  return { kind: "down", want: "down", since: now, failures: state.failures };
}

function down(state: State, letter: "d" | "x", now: number): Result {
  if (state.kind === "backoff") return [settle(state, now)];
  if (state.kind === "preparing") return [wanting(state, "down"), ...termAndCont(state.pid, "")];
  if (state.kind !== "up") return [wanting(state, "down")];
  return [{ ...state, want: "down", gotTerm: true, paused: false }, ...termAndCont(state.pid, letter)];
}

function termAndCont(pid: number, letter: string): Effect[] {
  return [
    { kind: "signal", pid, signal: Signal.TERM, letter },
    { kind: "signal", pid, signal: Signal.CONT, letter: "" },
  ];
}

function signal(state: State, signal: number, letter: string): Result {
  // A finish or control/u that hangs would keep the service from ever going on; other signals are for `run` only.
  const ends = signal === Signal.KILL || (signal === Signal.TERM && state.kind === "preparing");
  if ((state.kind === "finish" || state.kind === "preparing") && ends)
    return [{ ...state }, { kind: "signal", pid: state.pid, signal, letter: "" }];
  if (state.kind !== "up") return [state];
  const next = {
    ...state,
    paused: signal === Signal.STOP || (state.paused && signal !== Signal.CONT && signal !== Signal.KILL),
    gotTerm: state.gotTerm || signal === Signal.TERM,
    asked: state.asked || signal === Signal.TERM || signal === Signal.KILL,
  };
  return [next, { kind: "signal", pid: state.pid, signal, letter }];
}

function started(state: State, pid: number, now: number): Result {
  if (state.kind !== "starting") return [state];
  const { want, failures } = state;
  if (state.program === "finish") return [{ kind: "finish", pid, delayMs: state.delayMs, want, since: now, failures }];
  const up: State = { kind: "up", pid, paused: false, gotTerm: false, asked: false, want, since: now, failures };
  return state.stop ? down(up, "d", now) : [up];
}

function preparing(state: State, pid: number, now: number): Result {
  if (state.kind !== "starting" || state.program !== "run") return [state];
  const { want, stop, failures } = state;
  const next: State = { kind: "preparing", pid, stop, want, since: now, failures };
  return stop ? down(next, "d", now) : [next];
}

function failed(state: State, now: number, backoff: BackoffSettings): Result {
  if (state.kind !== "starting") return [state];
  if (state.program === "finish") return next(state, state.delayMs, now);
  if (state.want === "down") return [settle(state, now)];
  const [delayMs, failures] = nextStart(state.failures, { uptimeMs: 0, clean: false, asked: false }, backoff);
  // Whatever the settings: a program that cannot even be started must not keep PID 1 busy.
  return [{ kind: "backoff", at: now + Math.max(delayMs, UP_MS), want: "up", since: now, failures }];
}

function exited(state: State, status: WaitStatus, finish: boolean, now: number, backoff: BackoffSettings): Result {
  if (state.kind === "finish") return next(state, state.delayMs, now);
  // Whatever comes of control/u, run is started. @see runsv(8)
  if (state.kind === "preparing") return state.stop ? [settle(state, now)] : start(state, state.want, now, true);
  if (state.kind !== "up") return [state];
  const uptimeMs = now - state.since;
  const ending = { uptimeMs, clean: status === 0, asked: state.asked || state.gotTerm };
  const [delayMs, failures] = nextStart(state.failures, ending, backoff);
  const effects: Effect[] = [];
  if (state.want === "up" && !ending.asked) effects.push({ kind: "ended", status, uptimeMs, delayMs });
  const ended: State = { kind: "starting", program: "finish", status, delayMs, want: state.want, since: now, failures };
  if (finish) return [ended, ...effects, { kind: "start", program: "finish", status }];
  const [after, ...starts] = next(ended, delayMs, now);
  return [after, ...effects, ...starts];
}

/** After the last process of one life: down, a start at once, or a wait. */
function next(state: State, delayMs: number, now: number): Result {
  if (state.want === "down") return [settle(state, now)];
  if (delayMs <= 0) return start(state, "up", now);
  return [{ kind: "backoff", at: now + delayMs, want: "up", since: now, failures: state.failures }];
}

/** Returns the two arguments of `finish`: exit code (-1 when a signal ended it) and low byte of the status. @see runsv(8) */
export function finishArguments(status: WaitStatus): [string, string] {
  return [exitSignal(status) > 0 ? "-1" : String(exitCode(status)), String(status & 0xff)];
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_FAILURES } from "./backoff.ts";
import { stateText } from "./state-text.ts";
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

const BACKOFF = { firstMs: 1000, maxMs: 60_000, resetAfterMs: 60_000 };
const PID = 100;
const KILLED = 9;
const EXITED_1 = 1 << 8;

/** Every event in every variant that can matter, and how long after the last change it comes. */
const EVENTS: readonly Trigger[] = [
  { kind: "up" },
  { kind: "once" },
  { kind: "drain" },
  { kind: "timer" },
  { kind: "changed" },
  { kind: "down", letter: "d" },
  { kind: "down", letter: "x" },
  ...[1, 9, 15, 18, 19].map((signal): Trigger => ({ kind: "signal", signal, letter: "h" })),
  { kind: "started", pid: PID },
  { kind: "preparing", pid: PID },
  { kind: "failed" },
  ...[0, EXITED_1, KILLED].flatMap((status): Trigger[] => [
    { kind: "exited", status, finish: true },
    { kind: "exited", status, finish: false },
  ]),
];
const ELAPSED_MS = [0, 999, 1000, 59_999, 60_000, 10_000_000] as const;

/** The same state for the walk: times relative to `since`, the record bounded where the delay has reached its ceiling. */
function keyOf(state: State): string {
  const wait = deadline(state);
  return JSON.stringify({ ...state, since: 0, at: wait === null ? null : wait - state.since });
}

/** `started` answers a start only; `exited` comes from a live process only: the edge guarantees both. */
function canCome(state: State, event: Trigger): boolean {
  if (event.kind === "started" || event.kind === "failed") return state.kind === "starting";
  if (event.kind === "preparing") return state.kind === "starting" && state.program === "run" && !state.prepared;
  if (event.kind === "exited") return livePid(state) > 0;
  return true;
}

function reachable(): Map<string, State> {
  const found = new Map<string, State>();
  const queue: State[] = [initial(0)];
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const key = keyOf(state);
    if (found.has(key) || state.failures > 8) continue;
    found.set(key, state);
    for (const event of EVENTS) {
      if (!canCome(state, event)) continue;
      for (const elapsed of ELAPSED_MS) queue.push(transition(state, event, state.since + elapsed, BACKOFF)[0]);
    }
  }
  return found;
}

const STATES = [...reachable().values()];

function eachStep(check: (state: State, event: Trigger, next: State, effects: Effect[], now: number) => void): void {
  for (const state of STATES) {
    for (const event of EVENTS) {
      if (!canCome(state, event)) continue;
      for (const elapsed of ELAPSED_MS) {
        const now = state.since + elapsed;
        const [next, ...effects] = transition(state, event, now, BACKOFF);
        check(state, event, next, effects, now);
      }
    }
  }
}

test("transition() reaches every kind of state", () => {
  assert.deepEqual([...new Set(STATES.map(({ kind }) => kind))].sort(), [
    "backoff",
    "down",
    "finish",
    "preparing",
    "starting",
    "up",
  ]);
  assert.ok(STATES.length > 60, `only ${STATES.length} states`);
});

test("transition() never starts a program beside a live one, and starts exactly when it says so", () => {
  eachStep((state, event, next, effects) => {
    const starts = effects.filter(({ kind }) => kind === "start").length;
    const why = JSON.stringify([state, event, effects]);
    if (state.kind === "starting") assert.ok(starts === 0 || (starts === 1 && event.kind === "failed"), why);
    else assert.equal(starts, next.kind === "starting" ? 1 : 0, why);
    if (starts > 0) assert.ok(livePid(next) === 0 && (livePid(state) === 0 || event.kind === "exited"), why);
  });
});

test("transition() signals only the process that the state holds", () => {
  eachStep((state, event, next, effects) => {
    for (const effect of effects) {
      if (effect.kind !== "signal") continue;
      assert.equal(
        effect.pid,
        event.kind === "started" || event.kind === "preparing" ? livePid(next) : livePid(state),
        JSON.stringify([state, event]),
      );
      assert.ok(effect.pid > 0);
    }
  });
});

test("transition() sends a finish that hangs nothing but KILL, without a control script", () => {
  eachStep((state, event, next, effects) => {
    if (state.kind !== "finish" || event.kind !== "signal") return;
    const sent = effects.map((effect) => effect.kind === "signal" && [effect.signal, effect.letter]);
    assert.deepEqual(sent, event.signal === KILLED ? [[9, ""]] : []);
    assert.equal(keyOf(next), keyOf(state));
  });
});

test("transition() ends a control/u that hangs by TERM and KILL, and starts run only if it is still wanted", () => {
  eachStep((state, event, next, effects) => {
    if (state.kind !== "preparing") return;
    const sent = effects.map((effect) => effect.kind === "signal" && [effect.signal, effect.letter]);
    if (event.kind === "signal")
      assert.deepEqual(sent, [9, 15].includes(event.signal) ? [[event.signal, ""]] : [], JSON.stringify(event));
    if (event.kind === "down")
      assert.deepEqual(sent, [
        [15, ""],
        [18, ""],
      ]);
    if (event.kind !== "exited") return;
    assert.deepEqual(effects, state.stop ? [] : [{ kind: "start", program: "run", prepared: true }]);
    assert.equal(next.kind, state.stop ? "down" : "starting");
  });
});

test("transition() leaves every waiting state with a process, a timer or a start under way", () => {
  for (const state of STATES) {
    if (["up", "finish", "preparing"].includes(state.kind)) assert.equal(livePid(state), PID);
    if (state.kind === "backoff") {
      assert.equal(state.want, "up");
      assert.ok(state.at >= state.since && state.at - state.since <= BACKOFF.maxMs, JSON.stringify(state));
    }
    if (state.kind === "down") assert.equal(state.want, "down");
  }
});

test("transition() ends every state that is wanted down in down, with no further start of run", () => {
  for (const from of STATES) {
    // A start by `once` is still to come where `control/u` runs.
    if (from.want !== "down" || (from.kind === "preparing" && !from.stop)) continue;
    let state = from;
    for (let steps = 0; state.kind !== "down"; steps++) {
      assert.ok(steps < 4, JSON.stringify(from));
      const event: Trigger =
        state.kind === "starting" ? { kind: "started", pid: PID } : { kind: "exited", status: KILLED, finish: true };
      const [next, ...effects] = transition(state, event, state.since, BACKOFF);
      assert.ok(!effects.some((effect) => effect.kind === "start" && effect.program === "run"), JSON.stringify(state));
      state = next;
    }
  }
});

test("transition() restarts without being asked only what is wanted up", () => {
  eachStep((state, event, _next, effects) => {
    if (event.kind === "up" || event.kind === "once" || event.kind === "drain" || state.want === "up") return;
    if (state.kind === "preparing" && !state.stop) return;
    assert.ok(
      !effects.some((effect) => effect.kind === "start" && effect.program === "run"),
      JSON.stringify([state, event]),
    );
  });
});

test("transition() tells TERM and CONT to what goes down, whenever the wish comes", () => {
  for (const state of STATES) {
    const [next, ...effects] = transition(state, { kind: "down", letter: "x" }, state.since, BACKOFF);
    assert.equal(next.want, "down");
    if (state.kind === "up") {
      assert.deepEqual(
        effects.map((effect) => effect.kind === "signal" && effect.signal),
        [15, 18],
      );
    }
    if (state.kind === "starting" && state.program === "run") {
      const [, ...later] = transition(next, { kind: "started", pid: PID }, state.since, BACKOFF);
      assert.deepEqual(
        later.map((effect) => effect.kind === "signal" && effect.signal),
        [15, 18],
      );
    }
  }
});

test("transition() reports each end that nobody asked for, and no other", () => {
  eachStep((state, event, _next, effects) => {
    const reported = effects.some(({ kind }) => kind === "ended");
    const unasked =
      state.kind === "up" && event.kind === "exited" && state.want === "up" && !state.asked && !state.gotTerm;
    assert.equal(reported, unasked, JSON.stringify([state, event]));
  });
});

test("transition() runs finish once for each life of run", () => {
  eachStep((state, event, _next, effects) => {
    const finishes = effects.filter((effect) => effect.kind === "start" && effect.program === "finish").length;
    assert.equal(finishes, state.kind === "up" && event.kind === "exited" && event.finish ? 1 : 0);
  });
});

/** Delays between the lives of a service that is up for each of these times and then fails. */
function delaysAfter(uptimesMs: readonly number[], status = EXITED_1): number[] {
  let now = 0;
  let [state] = transition(initial(now), { kind: "up" }, now, BACKOFF);
  return uptimesMs.map((uptimeMs) => {
    [state] = transition(state, { kind: "started", pid: PID }, now, BACKOFF);
    now += uptimeMs;
    [state] = transition(state, { kind: "exited", status, finish: false }, now, BACKOFF);
    const at = deadline(state);
    if (at === null) return 0;
    const delay = at - now;
    now = at;
    [state] = transition(state, { kind: "timer" }, now, BACKOFF);
    return delay;
  });
}

test("transition() restarts at once after a service that had been up, then backs off from 1 s to 60 s", () => {
  assert.deepEqual(
    delaysAfter([5000, 5, 5, 5, 5, 5, 5, 5, 5]),
    [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000],
  );
});

test("transition() backs off from the first when the service was never up", () => {
  assert.deepEqual(delaysAfter([999, 999, 999]), [1000, 2000, 4000]);
});

test("transition() forgets failures after 60 s up", () => {
  assert.deepEqual(delaysAfter([5, 5, 60_000, 5, 59_999, 5]), [1000, 2000, 0, 1000, 2000, 4000]);
});

test("transition() restarts a job that exits with 0 after a while at once, as often as it does", () => {
  assert.deepEqual(delaysAfter([1500, 1500, 1500, 1500], 0), [0, 0, 0, 0]);
  assert.deepEqual(delaysAfter([5, 5], 0), [1000, 2000]);
});

test("transition() waits a second after a program that cannot be started, whatever the settings", () => {
  const eager = { firstMs: 0, maxMs: 0, resetAfterMs: 0 };
  const [starting] = transition(initial(0), { kind: "up" }, 0, eager);
  const [state] = transition(starting, { kind: "failed" }, 0, eager);
  assert.deepEqual(state, { kind: "backoff", at: 1000, want: "up", since: 0, failures: NO_FAILURES + 2 });
});

test("stateText() is JSON that gives every state back", () => {
  for (const state of STATES) assert.deepEqual(JSON.parse(stateText(state)), state);
});

test("finishArguments() gives the exit code and the low byte of the status", () => {
  assert.deepEqual(finishArguments(3 << 8), ["3", "0"]);
  assert.deepEqual(finishArguments(9), ["-1", "9"]);
  assert.deepEqual(finishArguments(11 | 0x80), ["-1", "139"]);
});

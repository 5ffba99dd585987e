import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** Every deadline and time limit of the suite is multiplied by this: emulated or instrumented binaries are slower. */
export const TIME_SCALE = Number(process.env.SHIPSHAPE_TIME_SCALE ?? "1");

/**
 * How long an awaited event may take before the test fails, in milliseconds. It only ends a hang: no verdict may depend on it, however
 * slow the machine is. What has to be quick is compared with a control, by {@link soon}.
 */
export const EVENT_DEADLINE_MS = 60_000;

const POLL_MS = 4;
const LONGEST_POLL_MS = 50;
/** A probe may take this part of the time: one that looks at a thousand processes shall not be what they wait for. */
const PROBE_SHARE = 1 / 4;

/**
 * Waits until `probe` answers something else than `undefined` or `false`, and returns that answer.
 * @param what completes the sentence "gave up after N ms waiting until …"
 * @throws when the deadline passes
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs = EVENT_DEADLINE_MS,
): Promise<Exclude<T, undefined | false>> {
  const limitMs = deadlineMs * TIME_SCALE;
  const start = performance.now();
  for (let pollMs = POLL_MS; ; pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.2)) {
    const began = performance.now();
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() - start > limitMs) throw new Error(`gave up after ${limitMs} ms waiting until ${what}`);
    await delay(Math.max(pollMs, (performance.now() - began) / PROBE_SHARE));
  }
}

/** Waits until `measure` has reached `goal`. The deadline starts again whenever the measure grows: a slow machine is no hang. */
export async function reaches(what: string, measure: () => number, goal: number): Promise<void> {
  let most = measure();
  while (most < goal) {
    const now = most;
    most = await eventually(`${what} (${now} of ${goal})`, () => measure() > now && measure());
  }
}

/**
 * Settles as `promise` does, or rejects when the deadline passes first.
 * @param what completes the sentence "gave up after N ms waiting until …"
 */
export function within<T>(what: string, promise: Promise<T>, deadlineMs = EVENT_DEADLINE_MS): Promise<T> {
  const limitMs = deadlineMs * TIME_SCALE;
  return unlessFirst(promise, async (signal) => {
    await delay(limitMs, undefined, { signal });
    return `gave up after ${limitMs} ms waiting until ${what}`;
  });
}

/**
 * Settles as `promise` does, or rejects when that takes longer than `limitMs` and, after them, than the control. So the bound of an idle
 * machine is about `limitMs`, and one that is slow just now gets as much more time as it is slower.
 * @param what completes the sentence "… took longer than N ms and its control"
 * @param control a fixed piece of work; by default {@link CONTROL_RUNS} runs of a trivial program, one after another
 */
export function soon<T>(
  what: string,
  promise: Promise<T>,
  limitMs: number,
  control: (signal: AbortSignal) => Promise<unknown> = (signal) => trivialRuns(CONTROL_RUNS, signal),
): Promise<T> {
  return unlessFirst(promise, async (signal) => {
    await delay(limitMs * TIME_SCALE, undefined, { signal });
    await control(signal);
    return `${what} took longer than ${limitMs * TIME_SCALE} ms and its control`;
  });
}

/** Ends and starts of processes in a small container are fewer than this. */
export const CONTROL_RUNS = 100;

/** Runs a program that does nothing this often, times the scale of instrumented binaries. */
export async function trivialRuns(count: number, signal: AbortSignal): Promise<void> {
  for (let run = 0; run < count * TIME_SCALE; run++) {
    await once(spawn("/bin/true", { stdio: "ignore", signal }), "close");
  }
}

/** Settles as `promise` does, or rejects with the reason that `late` gives first. */
async function unlessFirst<T>(promise: Promise<T>, late: (signal: AbortSignal) => Promise<string>): Promise<T> {
  const abort = new AbortController();
  const failure = late(abort.signal).then((reason) => {
    throw new Error(reason);
  });
  // When the promise wins, what was aborted rejects with nobody listening.
  failure.catch(() => undefined);
  try {
    return await Promise.race([promise, failure]);
  } finally {
    abort.abort();
  }
}

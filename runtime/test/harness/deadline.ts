import { setTimeout as delay } from "node:timers/promises";

/** Every deadline and time limit of the suite is multiplied by this: emulated or instrumented binaries are slower. */
export const TIME_SCALE = Number(process.env.SHIPSHAPE_TIME_SCALE ?? "1");

/** How long an awaited event may take before the test fails, in milliseconds. */
export const EVENT_DEADLINE_MS = 10_000;

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

/**
 * Settles as `promise` does, or rejects when the deadline passes first.
 * @param what completes the sentence "gave up after N ms waiting until …"
 */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = EVENT_DEADLINE_MS): Promise<T> {
  const limitMs = deadlineMs * TIME_SCALE;
  const abort = new AbortController();
  const timeout = delay(limitMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`gave up after ${limitMs} ms waiting until ${what}`);
  });
  // When the promise wins, the aborted timer rejects with nobody listening.
  timeout.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    abort.abort();
  }
}

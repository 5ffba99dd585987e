/** How soon a process that ended is started again. All in milliseconds. */
export interface BackoffSettings {
  /** Delay after the first quick death; it doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** A process that was up this long starts with a clean record. */
  readonly resetAfterMs: number;
}

/** Less than this is no "had been up": the same second that runit waits between starts. */
export const UP_MS = 1000;

/**
 * What a process has behind it: -1 nothing, `n >= 0` one restart at once and `n` delayed ones since it was last up for long.
 */
export type Record = number;

export const CLEAN_RECORD: Record = -1;

/** How a process ended, as far as the delay cares. */
export interface Ending {
  readonly uptimeMs: number;
  /** It exited with 0: a job that is done, not a failure. */
  readonly clean: boolean;
  /** Somebody asked for it (`sv restart`, `sv term`, `sv kill`). */
  readonly asked: boolean;
}

/**
 * Delay before the next start and the record from then on. At once: when it was asked for, after a clean exit of a process
 * that had been up (the old `job; sleep 60` pattern), and the first time that one that had been up fails.
 */
export function nextStart(
  record: Record,
  ending: Ending,
  settings: BackoffSettings,
): [delayMs: number, record: Record] {
  const current = ending.uptimeMs >= settings.resetAfterMs ? CLEAN_RECORD : record;
  const hadBeenUp = ending.uptimeMs >= UP_MS;
  if (ending.asked || (ending.clean && hadBeenUp)) return [0, current];
  if (current === CLEAN_RECORD && hadBeenUp) return [0, 0];
  const delays = Math.max(0, current);
  // 2 ** 31 milliseconds is past any sensible ceiling; the exponent is bounded so that the product stays finite.
  return [Math.min(settings.maxMs, settings.firstMs * 2 ** Math.min(delays, 31)), delays + 1];
}

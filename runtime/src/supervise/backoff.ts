/** Delays before a process that ended is started again, in milliseconds. */
export interface BackoffSettings {
  /** Delay after the first quick death; it doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** A process that was up this long has its failures forgotten. */
  readonly resetAfterMs: number;
}

/** A process that ran for less has not "been up": the same second that runit waits between starts. */
export const UP_MS = 1000;

/** Counts failures since the process was last up for long: -1 none, `n >= 0` one restart at once and `n` delayed ones. */
export type Failures = number;

export const NO_FAILURES: Failures = -1;

/** The end of a process, as far as the delay depends on it. */
export interface Ending {
  readonly uptimeMs: number;
  /** It exited with 0: a job that is done, not a failure. */
  readonly clean: boolean;
  /** Somebody asked for it (`sv restart`, `sv term`, `sv kill`). */
  readonly asked: boolean;
}

/**
 * Returns the delay before the next start and the failures from then on. At once: when it was asked for, after a clean exit of a process
 * that had been up (the old `job; sleep 60` pattern), and after the first failure of a process that had been up.
 */
export function nextStart(
  failures: Failures,
  ending: Ending,
  settings: BackoffSettings,
): [delayMs: number, failures: Failures] {
  const current = ending.uptimeMs >= settings.resetAfterMs ? NO_FAILURES : failures;
  const hadBeenUp = ending.uptimeMs >= UP_MS;
  if (ending.asked || (ending.clean && hadBeenUp)) return [0, current];
  if (current === NO_FAILURES && hadBeenUp) return [0, 0];
  const delays = Math.max(0, current);
  // 2 ** 31 milliseconds is past any sensible ceiling; the exponent is bounded so that the product stays finite.
  return [Math.min(settings.maxMs, settings.firstMs * 2 ** Math.min(delays, 31)), delays + 1];
}

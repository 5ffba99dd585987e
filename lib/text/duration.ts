import { parseDecimal } from "./decimal.ts";

/** Units and their milliseconds; one that ends another comes after it. */
const UNITS: readonly (readonly [suffix: string, ms: number])[] = [
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
  ["", 1000],
];

/** The longest duration, in milliseconds: what `epoll_wait(2)` takes, about 24 days. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * Returns the whole milliseconds of a duration as people write it: `5`, `2.5`, `5s`, `500ms`, `1m`, `1h`, `7d`, `4w`. A plain number
 * means seconds. `null` for everything else: empty, signed, blank-padded, not a number, longer than `mostMs`.
 */
export function parseDurationMs(text: string, mostMs: number = MAX_DURATION_MS): number | null {
  for (const [suffix, unitMs] of UNITS) {
    if (!text.endsWith(suffix)) continue;
    const [whole = "", fraction = "0", ...rest] = text.slice(0, text.length - suffix.length).split(".");
    if (rest.length > 0 || parseDecimal(whole) === null || parseDecimal(fraction) === null) return null;
    const ms = Math.round(Number(`${whole}.${fraction}`) * unitMs);
    return ms <= mostMs ? ms : null;
  }
  return null;
}

/** Writes a duration for people: `40 ms`, `1.2 s`, `90 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${ms < 10_000 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000)} s`;
}

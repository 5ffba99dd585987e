import { parseDecimal } from "./decimal.ts";

/** Units and their milliseconds; one that ends another comes after it. */
const UNITS: readonly (readonly [suffix: string, ms: number])[] = [
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["", 1000],
];

/** The longest duration, in milliseconds: what `epoll_wait(2)` takes, about 24 days. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * Returns the whole milliseconds of a duration as people write it: `5`, `2.5`, `5s`, `500ms`, `1m`, `1h`. A plain number means seconds.
 * `null` for everything else: empty, signed, blank-padded, not a number, longer than {@link MAX_DURATION_MS}.
 */
export function parseDurationMs(text: string): number | null {
  for (const [suffix, unitMs] of UNITS) {
    if (!text.endsWith(suffix)) continue;
    const [whole = "", fraction = "0", ...rest] = text.slice(0, text.length - suffix.length).split(".");
    if (rest.length > 0 || parseDecimal(whole) === null || parseDecimal(fraction) === null) return null;
    const ms = Math.round(Number(`${whole}.${fraction}`) * unitMs);
    return ms <= MAX_DURATION_MS ? ms : null;
  }
  return null;
}

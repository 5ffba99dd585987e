/** A set of measurements of one thing: the middle, the middle half's ends, and the extremes, in the unit that was measured. */
export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** The value below which the given part of the sorted values lies, interpolated. @param part 0 to 1 */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** @throws RangeError when there is nothing to sum up: a missing measurement is never a number */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("cannot sum up measurements: there are none");
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75),
    least: quantile(sorted, 0),
    most: quantile(sorted, 1),
    count: sorted.length,
  };
}

/** How much the machine disturbed the measurement: the width of the middle half, in percent of the median. */
export function noisePercent(s: Spread): number {
  return s.median === 0 ? 0 : ((s.upper - s.lower) / s.median) * 100;
}

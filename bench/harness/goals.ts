import type { Goal } from "./claim.ts";
import { times } from "./format.ts";
import type { Spread } from "./statistics.ts";

/** A time that is judged by a peer's, measured in the same run: a slow or busy machine slows both. */
export interface RatioGoal {
  readonly what: string;
  /** How many times the peer's median. */
  readonly atMost: number;
  /** The peer, as the report names it. */
  readonly peer: string;
}

/** Measurements of one thing; `null` for what was not measured. */
export interface Compared {
  readonly mine: Spread | null;
  readonly peer: Spread | null;
  readonly floor: Spread | null;
}

/**
 * Judges a ratio goal.
 * @param show writes our own median, in its unit
 * @returns nothing when we were left out; a goal without its peer is not met
 */
export function judge({ what, atMost, peer }: RatioGoal, compared: Compared, show: (median: number) => string): Goal[] {
  const { mine } = compared;
  if (mine === null) return [];
  const to = (other: Spread | null) => (other === null || other.median === 0 ? null : mine.median / other.median);
  const ratio = to(compared.peer);
  return [
    {
      what,
      atMost: `${atMost} × ${peer}`,
      measured: `${ratio === null ? `${peer} was not measured` : times(ratio)} (${show(mine.median)})`,
      floor: times(to(compared.floor)),
      met: ratio !== null && ratio <= atMost,
      kind: "measure",
    },
  ];
}

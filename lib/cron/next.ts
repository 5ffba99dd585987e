import { nextMatch } from "./calendar.ts";
import type { Schedule } from "./schedule.ts";

/** Minutes that a wall clock is ahead of UTC at a minute since the Epoch. */
export type Zone = (minute: number) => number;

/** Up to here a jump of the clock is one, beyond it is a correction that is simply followed. @see cron(8) */
export const LONGEST_JUMP = 180;
/** So many minutes late, a job that follows the wall clock still runs. */
export const SHORT_DELAY = 5;

const DAY = 1440;
const WEEK = 7 * DAY;
/** No two offsets are further apart, and a jump back is over by then. */
const SETTLED = 3 * DAY;

/**
 * The first minute since the Epoch, after `after`, at which a job runs; `null` when there is none.
 *
 * Where the zone's clock jumps by three hours at most, what cron(8) says holds: fixed times that a jump forward leaves out run at
 * once after it, those that a jump back repeats do not run again; {@link Schedule.wildcard | wildcard} jobs follow the wall clock.
 */
export function nextRun(schedule: Schedule, after: number, zone: Zone): number | null {
  const first = after + 1;
  // A jump back that is still being repeated began no earlier.
  let at = first - LONGEST_JUMP - 1;
  /** The latest minute of the wall clock that has been, where that is ahead of now. */
  let reached = -Infinity;
  for (;;) {
    const offset = zone(at);
    const from = Math.max(at, first) + offset;
    const match = nextMatch(schedule, schedule.wildcard ? from : Math.max(from, reached + 1));
    if (match === null) return null;
    // Jumps long before the match leave out nothing: only those about it count, and those about `first`, which repeat a time that
    // was before it. A rare schedule's match is decades away.
    if (match - offset - at > 2 * SETTLED && firstJump(zone, at, first + SETTLED) === null) {
      at = match - offset - SETTLED;
      reached = -Infinity;
      continue;
    }
    const jumpAt = firstJump(zone, at, match - offset);
    if (jumpAt === null) return match - offset;
    reached = Math.max(reached, jumpAt - 1 + offset);
    const wall = jumpAt + zone(jumpAt);
    const leap = wall - reached;
    // The minute at the jump's end itself is found as any other.
    if (jumpAt >= first && catchesUp(schedule, leap)) {
      const missed = nextMatch(schedule, reached + 1);
      if (missed !== null && missed < wall) return jumpAt;
    }
    if (leap > 0 || leap < -LONGEST_JUMP) reached = -Infinity;
    at = jumpAt;
  }
}

/** Whether a job still runs that is `minutes` late because the clock jumped, or because nothing could run meanwhile. */
export function catchesUp({ wildcard }: Schedule, minutes: number): boolean {
  return minutes >= 0 && minutes <= (wildcard ? SHORT_DELAY : LONGEST_JUMP);
}

/** The first minute after `from`, up to `to`, at which the zone's offset is not what it is at `from`; `null` without one. */
function firstJump(zone: Zone, from: number, to: number): number | null {
  const offset = zone(from);
  // Nowhere does an offset change and change back within a week.
  for (let same = from; same < to; same = Math.min(same + WEEK, to)) {
    let other = Math.min(same + WEEK, to);
    if (zone(other) === offset) continue;
    for (let low = same; other - low > 1; ) {
      const middle = Math.floor((low + other) / 2);
      if (zone(middle) === offset) low = middle;
      else other = middle;
    }
    return other;
  }
  return null;
}

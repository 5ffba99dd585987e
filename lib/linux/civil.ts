import type { Bytes } from "../text/bytes.ts";

/** Days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;
const DAY_SECONDS = 86_400;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** A day of the Gregorian calendar; `month` 1 to 12, `date` 1 to 31. */
export interface CivilDay {
  readonly year: number;
  readonly month: number;
  readonly date: number;
}

/**
 * Returns the number of a day, 1 January 1970 being 0. A month of 13 is January of the next year. Years count from March here, so that
 * the leap day is the last and a month's start needs no table.
 */
export function dayNumber({ year, month, date }: CivilDay): number {
  const months = year * 12 + month - 3;
  const fromMarch = Math.floor(months / 12);
  const start = Math.floor((153 * (months - fromMarch * 12) + 2) / 5);
  const leaps = Math.floor(fromMarch / 4) - Math.floor(fromMarch / 100) + Math.floor(fromMarch / 400);
  return fromMarch * 365 + leaps + start + date - 1 - EPOCH_DAYS;
}

/** Returns the day that has a number of {@link dayNumber}. */
export function civilDay(day: number): CivilDay {
  const shifted = day + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const inEra = shifted - era * ERA_DAYS;
  const yearInEra = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) / 365,
  );
  const inYear = inEra - (365 * yearInEra + Math.floor(yearInEra / 4) - Math.floor(yearInEra / 100));
  const fromMarch = Math.floor((5 * inYear + 2) / 153);
  const date = inYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return { year: era * 400 + yearInEra + (month <= 2 ? 1 : 0), month, date };
}

/** Returns the weekday of a day's number, 0 being Sunday. */
export function weekdayOf(day: number): number {
  // 1 January 1970 was a Thursday.
  return (((day + 4) % 7) + 7) % 7;
}

/**
 * Formats a time as `strftime(3)` does, in English.
 *
 * @param format knows `%Y %m %d %e %b %H %M %S %z`
 * @param seconds since the Epoch
 * @param offset seconds that local time is ahead of UTC
 */
export function formatTime(format: Bytes, seconds: number, offset: number): Bytes {
  const local = Math.floor(seconds) + offset;
  const day = Math.floor(local / DAY_SECONDS);
  const { year, month, date } = civilDay(day);
  const second = local - day * DAY_SECONDS;
  const field = (letter: string): Bytes => {
    switch (letter) {
      case "Y":
        return `${year}`;
      case "m":
        return two(month);
      case "d":
        return two(date);
      case "e":
        return `${date}`.padStart(2);
      case "b":
        return MONTHS[month - 1] ?? "";
      case "H":
        return two(Math.floor(second / 3600));
      case "M":
        return two(Math.floor(second / 60) % 60);
      case "S":
        return two(second % 60);
      case "z":
        return formatOffset(offset);
      default:
        return `%${letter}`;
    }
  };
  const [head = "", ...parts] = format.split("%");
  return head + parts.map((part) => field(part.slice(0, 1)) + part.slice(1)).join("");
}

/** `+0530`; seconds are cut off. */
function formatOffset(offset: number): Bytes {
  const minutes = Math.floor(Math.abs(offset) / 60);
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function two(value: number): Bytes {
  return `${value}`.padStart(2, "0");
}

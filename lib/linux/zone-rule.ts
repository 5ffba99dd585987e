import type { Bytes } from "../text/bytes.ts";
import { civilDay, dayNumber, weekdayOf } from "./civil.ts";

/** Returns the seconds that local time is ahead of UTC at a time in seconds since the Epoch. */
export type TimeZone = (seconds: number) => number;

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3600;
/** Longer rules are no rules. */
const MAX_RULE_BYTES = 128;
/** POSIX allows a day; some zones were a little more than that away. */
const MAX_OFFSET_HOURS = 24;
/** A change may be given as hours of another day. @see RFC 9636, section 3.3.2 */
const MAX_TIME_HOURS = 167;
/** A year that has a change is a year's length away at most, with a week for {@link MAX_TIME_HOURS}. */
const NEARBY_YEARS = [-1, 0, 1];
/** What glibc takes where a rule names daylight saving time without its dates. */
const USUAL_CHANGES = ",M3.2.0,M11.1.0";

/** When in a year the offset changes, by the wall clock before the change. */
interface YearlyChange {
  /** Returns the day's number. */
  readonly dayIn: (year: number) => number;
  /** From the day's midnight. */
  readonly seconds: number;
}

/**
 * Parses a rule like `CET-1CEST,M3.5.0,M10.5.0/3`; `null` when the text is none. Every number is checked against its range, so that no
 * rule leads to more than the work of three years' changes.
 *
 * @see POSIX.1-2017, 8.3 "TZ"; RFC 9636, section 3.3
 */
export function parseZoneRule(text: Bytes): TimeZone | null {
  if (text.length > MAX_RULE_BYTES) return null;
  const rule = new RuleText(text);
  const standard = rule.nameAndOffset();
  if (standard === null) return null;
  if (rule.atEnd) return () => standard;
  const daylight = rule.nameAndOffset(standard + HOUR_SECONDS);
  if (daylight === null) return null;
  const dates = rule.atEnd ? new RuleText(USUAL_CHANGES) : rule;
  const start = dates.change();
  const end = dates.change();
  if (start === null || end === null || !dates.atEnd) return null;
  return (seconds) => {
    const { year } = civilDay(Math.floor((seconds + standard) / DAY_SECONDS));
    let found = { at: -Infinity, offset: standard };
    for (const nearby of NEARBY_YEARS) {
      const timeOf = (change: YearlyChange, before: number) =>
        change.dayIn(year + nearby) * DAY_SECONDS + change.seconds - before;
      // Where one year's end is the next one's start it is daylight saving time all year.
      for (const change of [
        { at: timeOf(end, daylight), offset: standard },
        { at: timeOf(start, standard), offset: daylight },
      ])
        if (change.at <= seconds && change.at >= found.at) found = change;
    }
    return found.offset;
  };
}

/** A rule that is read from left to right. Each method returns `null` where the text holds something else. */
class RuleText {
  readonly #text: Bytes;
  #at = 0;

  constructor(text: Bytes) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Reads `CET-1`: seconds ahead of UTC, which the text counts the other way. @param usual the offset where the text has none */
  nameAndOffset(usual: number | null = null): number | null {
    if (!this.#name()) return null;
    const next = this.#text.charAt(this.#at);
    if (usual !== null && (next === "" || next === ",")) return usual;
    const behind = this.#signedTime(MAX_OFFSET_HOURS);
    return behind === null ? null : 0 - behind;
  }

  /** Reads `,M3.5.0/2`, `,J60` or `,59`. */
  change(): YearlyChange | null {
    if (!this.#take(",")) return null;
    const dayIn = this.#day();
    if (dayIn === null) return null;
    const seconds = this.#take("/") ? this.#signedTime(MAX_TIME_HOURS) : 2 * HOUR_SECONDS;
    return seconds === null ? null : { dayIn, seconds };
  }

  #day(): YearlyChange["dayIn"] | null {
    if (this.#take("M")) {
      const month = this.#number(1, 12);
      const week = this.#take(".") ? this.#number(1, 5) : null;
      const weekday = this.#take(".") ? this.#number(0, 6) : null;
      if (month === null || week === null || weekday === null) return null;
      return (year) => dayOfWeek(year, month, week, weekday);
    }
    const skipsLeapDay = this.#take("J");
    const day = this.#number(skipsLeapDay ? 1 : 0, 365);
    if (day === null) return null;
    if (!skipsLeapDay) return (year) => dayNumber({ year, month: 1, date: 1 }) + day;
    // Day 60 is 1 March in every year.
    return (year) =>
      day < 60 ? dayNumber({ year, month: 1, date: day }) : dayNumber({ year, month: 3, date: day - 59 });
  }

  /** Reads a name of three letters at least, or `<+03>`. */
  #name(): boolean {
    const start = this.#at;
    if (this.#take("<")) {
      while (isLetter(this.#character) || isDigit(this.#character) || "+-".includes(this.#character || " ")) this.#at++;
      return this.#at - start > 3 && this.#take(">");
    }
    while (isLetter(this.#character)) this.#at++;
    return this.#at - start >= 3;
  }

  #signedTime(mostHours: number): number | null {
    const sign = this.#take("-") ? -1 : 1;
    if (sign === 1) this.#take("+");
    const hours = this.#number(0, mostHours);
    const minutes = this.#take(":") ? this.#number(0, 59) : 0;
    const seconds = this.#take(":") ? this.#number(0, 59) : 0;
    if (hours === null || minutes === null || seconds === null) return null;
    return sign * (hours * HOUR_SECONDS + minutes * 60 + seconds);
  }

  #number(least: number, most: number): number | null {
    const start = this.#at;
    let value = 0;
    while (isDigit(this.#character) && this.#at - start < 4) value = value * 10 + Number(this.#text[this.#at++]);
    return this.#at > start && value >= least && value <= most ? value : null;
  }

  #take(character: string): boolean {
    if (this.#character !== character) return false;
    this.#at++;
    return true;
  }

  /** The next character, `""` at the end. */
  get #character(): string {
    return this.#text.charAt(this.#at);
  }
}

/** Returns the number of a month's first to fourth, or last (5), weekday. */
function dayOfWeek(year: number, month: number, week: number, weekday: number): number {
  const first = dayNumber({ year, month, date: 1 });
  const day = first + ((weekday - weekdayOf(first) + 7) % 7) + (week - 1) * 7;
  return day < dayNumber({ year, month: month + 1, date: 1 }) ? day : day - 7;
}

function isLetter(character: string): boolean {
  return (character >= "a" && character <= "z") || (character >= "A" && character <= "Z");
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9";
}

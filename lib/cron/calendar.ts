import type { Schedule } from "./schedule.ts";

const DAY = 1440;
/** Days of the months, leap days included. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** A weekday on 29 February comes back after 40 years at most, and nothing takes longer. */
const HORIZON_DAYS = 41 * 366;
/** Days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

/** A day of the Gregorian calendar; `month` 1 to 12, `date` 1 to 31. */
export interface CivilDay {
  readonly year: number;
  readonly month: number;
  readonly date: number;
}

/**
 * Number of a day, 1 January 1970 being 0. A month of 13 is January of the next year. Years count from March here, so that the
 * leap day is the last and a month's start needs no table.
 */
export function dayNumber({ year, month, date }: CivilDay): number {
  const months = year * 12 + month - 3;
  const fromMarch = Math.floor(months / 12);
  const start = Math.floor((153 * (months - fromMarch * 12) + 2) / 5);
  const leaps = Math.floor(fromMarch / 4) - Math.floor(fromMarch / 100) + Math.floor(fromMarch / 400);
  return fromMarch * 365 + leaps + start + date - 1 - EPOCH_DAYS;
}

/** The day of a number that {@link dayNumber} gives. */
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

/** A local minute as `2026-03-29 02:30`. */
export function formatMinute(localMinute: number): string {
  const day = Math.floor(localMinute / DAY);
  const { year, month, date } = civilDay(day);
  const minute = localMinute - day * DAY;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${year}-${two(month)}-${two(date)} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** Whether the wall clock's minute is one of the schedule's. Minutes count from 1970-01-01 00:00 of the same wall clock. */
export function matches(schedule: Schedule, localMinute: number): boolean {
  return nextMatch(schedule, localMinute) === localMinute;
}

/** Whether no month has a day that the schedule names, as with 30 February. */
export function neverComes({ days: [first = 1], months, bothDays }: Schedule): boolean {
  // Every weekday comes, and in time on 29 February too.
  return bothDays && months.every((month) => first > (LONGEST[month - 1] ?? 0));
}

/** The first minute of the wall clock at or after `from` that the schedule names; `null` when it names none, like 30 February. */
export function nextMatch(schedule: Schedule, from: number): number | null {
  let day = Math.floor(from / DAY);
  let time = from - day * DAY;
  for (const last = day + HORIZON_DAYS; day <= last; time = 0) {
    const civil = civilDay(day);
    if (!schedule.months.includes(civil.month)) {
      day = dayNumber({ year: civil.year, month: civil.month + 1, date: 1 });
      continue;
    }
    const found = isDay(schedule, day, civil.date) ? timeOfDay(schedule, time) : null;
    if (found !== null) return day * DAY + found;
    day++;
  }
  return null;
}

function isDay({ days, weekdays, bothDays }: Schedule, day: number, date: number): boolean {
  // 1 January 1970 was a Thursday.
  const weekday = weekdays.includes((((day + 4) % 7) + 7) % 7);
  return bothDays ? weekday && days.includes(date) : weekday || days.includes(date);
}

/** The first minute of a day at or after `from`, or `null`. */
function timeOfDay({ hours, minutes }: Schedule, from: number): number | null {
  const [first = 0] = minutes;
  for (const hour of hours) {
    if (hour * 60 + 59 < from) continue;
    const minute = hour * 60 >= from ? first : minutes.find((minute) => hour * 60 + minute >= from);
    if (minute !== undefined) return hour * 60 + minute;
  }
  return null;
}

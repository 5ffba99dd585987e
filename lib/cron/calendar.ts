import { civilDay, dayNumber, weekdayOf } from "../linux/civil.ts";
import type { Schedule } from "./schedule.ts";

const DAY = 1440;
/** Days of the months, leap days included. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** A weekday on 29 February comes back after 40 years at most, and nothing takes longer. */
const HORIZON_MONTHS = 41 * 12;
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

/** Returns the first minute of the wall clock at or after `from` that the schedule names; `null` when it names none, like 30 February. */
export function nextMatch(schedule: Schedule, from: number): number | null {
  const today = Math.floor(from / DAY);
  const { year, month, date } = civilDay(today);
  const isToday = schedule.months.includes(month) && isNamed(schedule, today, date);
  const later = isToday ? timeOfDay(schedule, from - today * DAY) : null;
  if (later !== null) return today * DAY + later;
  let least = date + 1;
  for (let index = 0; index <= HORIZON_MONTHS; index++, least = 1) {
    const months = year * 12 + month - 1 + index;
    const named = schedule.months.includes((months % 12) + 1);
    const day = named ? dayInMonth(schedule, Math.floor(months / 12), (months % 12) + 1, least) : null;
    if (day !== null) return day * DAY + (timeOfDay(schedule, 0) ?? 0);
  }
  return null;
}

/** Returns the number of the first of a month's days, from the date `least` on, that the schedule names; `null` without one. */
function dayInMonth(schedule: Schedule, year: number, month: number, least: number): number | null {
  const start = dayNumber({ year, month, date: 1 }) - 1;
  const last = dayNumber({ year, month: month + 1, date: 1 }) - 1 - start;
  // Mostly a few dates: a weekday on 29 February is looked for in 40 years.
  const first = schedule.bothDays ? Math.max(least, schedule.days[0] ?? 1) : least;
  for (let date = first; date <= last; date++) if (isNamed(schedule, start + date, date)) return start + date;
  return null;
}

/** Whether a day is the schedule's, whose month is. */
function isNamed({ days, weekdays, bothDays }: Schedule, day: number, date: number): boolean {
  const weekday = weekdays.includes(weekdayOf(day));
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

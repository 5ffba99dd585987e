import { parseDecimal } from "../text/decimal.ts";

/** When a job runs, as the five fields of a crontab line say. Every list is sorted and holds at least one value. @see crontab(5) */
export interface Schedule {
  /** 0 to 59. */
  readonly minutes: readonly number[];
  /** 0 to 23. */
  readonly hours: readonly number[];
  /** 1 to 31. */
  readonly days: readonly number[];
  /** 1 to 12. */
  readonly months: readonly number[];
  /** 0 (Sunday) to 6. */
  readonly weekdays: readonly number[];
  /**
   * The day of the month and the day of the week must both match, because one of the fields begins with `*`. Otherwise one of
   * them is enough.
   */
  readonly bothDays: boolean;
  /**
   * The minute or the hour begins with `*`: the job follows the wall clock when that jumps. Others run at fixed times, which are
   * neither left out nor repeated when a jump is shorter than three hours.
   */
  readonly wildcard: boolean;
}

/** What is wrong with a text, and where: `column` counts from 1. */
export interface Flaw {
  readonly column: number;
  readonly reason: string;
}

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names: readonly string[];
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const WEEKDAYS = "sun mon tue wed thu fri sat".split(" ");

const FIELDS: readonly Field[] = [
  { name: "minute", least: 0, most: 59, names: [] },
  { name: "hour", least: 0, most: 23, names: [] },
  { name: "day of the month", least: 1, most: 31, names: [] },
  { name: "month", least: 1, most: 12, names: MONTHS },
  // 7 is Sunday too.
  { name: "day of the week", least: 0, most: 7, names: WEEKDAYS },
];

/** The times that have names, as fields. `@reboot` is not among them: it is no time. */
const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** A word of a line and the column where it begins, from 1. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

/** The schedule of a name like `@daily`, or why there is none. Capital and small letters are the same. */
export function parseNickname(word: Word): Schedule | Flaw {
  const fields = NICKNAMES[word.text.toLowerCase()];
  if (fields !== undefined) return parseSchedule(fields) as Schedule;
  const known = `${Object.keys(NICKNAMES).join(" ")} @reboot`;
  return { column: word.column, reason: `there is no time "${word.text}"; the names are ${known}` };
}

/** The schedule of five fields in one text. */
export function parseSchedule(text: string): Schedule | Flaw {
  const words: Word[] = [];
  let column = 1;
  for (const part of text.split(" ")) {
    if (part !== "") words.push({ text: part, column });
    column += part.length + 1;
  }
  const surplus = words[FIELDS.length];
  if (surplus !== undefined) return { column: surplus.column, reason: `"${surplus.text}" is one field too many` };
  return parseFields(words, column);
}

/**
 * The schedule of five fields.
 *
 * @param words the first five words of a line, or as many as it has
 * @param end column behind the line's last character
 */
export function parseFields(words: readonly Word[], end: number): Schedule | Flaw {
  const lists: (readonly number[])[] = [];
  for (const [index, field] of FIELDS.entries()) {
    const word = words[index];
    if (word === undefined) return { column: end, reason: `the ${field.name} is missing` };
    const list = word.text === "*" ? (EVERYTHING[index] ?? []) : parseField(word, field);
    if ("reason" in list) return list;
    lists.push(list);
  }
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = lists;
  const star = (index: number) => words[index]?.text.startsWith("*") === true;
  return {
    ...{ minutes, hours, days, months },
    weekdays: weekdays.includes(7) ? sorted(weekdays.map((day) => day % 7)) : weekdays,
    bothDays: star(2) || star(4),
    wildcard: star(0) || star(1),
  };
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** What `*` means, once for all schedules: most fields of most crontabs are. */
const EVERYTHING: readonly (readonly number[])[] = FIELDS.map((field) => {
  const values: number[] = [];
  addItem(values, "*", field);
  return field.most === 7 ? values.slice(0, 7) : values;
});

/** A comma-separated list of values, ranges and steps. */
function parseField(word: Word, field: Field): number[] | Flaw {
  const values: number[] = [];
  let column = word.column;
  for (const item of word.text.split(",")) {
    const reason = addItem(values, item, field);
    if (reason !== null) return { column, reason };
    column += item.length + 1;
  }
  return sorted(values);
}

/** Adds the values of `*`, `N`, `N-M` or one of those with `/STEP`; the reason why it cannot, or `null`. */
function addItem(values: number[], item: string, field: Field): string | null {
  const [range = "", stepText, ...more] = item.split("/");
  const step = stepText === undefined ? 1 : parseDecimal(stepText);
  if (more.length > 0) return `"${item}" has more than one step`;
  if (step === null || step < 1) return `the step of the ${field.name} is a number from 1, not "${stepText}"`;
  const [fromText = "", toText, ...rest] = range.split("-");
  if (rest.length > 0) return `"${range}" is no range`;
  const all = range === "*";
  const from = all ? field.least : numberOf(fromText, field);
  const to = all ? field.most : toText === undefined ? from : numberOf(toText, field);
  if (from === null || to === null) return notAValue(from === null ? fromText : (toText ?? ""), field);
  if (stepText !== undefined && !all && toText === undefined)
    return `a step needs a range: "${range}-${field.most}/${stepText}" or "*/${stepText}", not "${item}"`;
  if (from > to) return `the range "${range}" runs backwards: write it as two, joined by a comma`;
  for (let value = from; value <= to; value += step) values.push(value);
  return null;
}

function numberOf(text: string, field: Field): number | null {
  const name = field.names.indexOf(text.toLowerCase());
  if (name >= 0) return name + field.least;
  return parseDecimal(text) !== null && Number(text) >= field.least ? parseDecimal(text, field.most) : null;
}

function notAValue(text: string, { name, least, most, names }: Field): string {
  const word = names.length > 0 ? ` or ${names[0]} to ${names[names.length - 1]}` : "";
  return `the ${name} is ${least} to ${most}${word}, not "${text}"`;
}

import type { Bytes } from "../text/bytes.ts";
import { neverComes } from "./calendar.ts";
import { type Environment, isBlank, parseAssignment, skipBlanks, trimEnd } from "./environment.ts";
import { type Flaw, parseFields, parseNickname, type Schedule, type Word } from "./schedule.ts";
import { DEFAULT_SETTINGS, type JobSettings, withSetting } from "./settings.ts";

/** A line of a crontab that runs something. */
export interface CrontabEntry {
  /** From 1. */
  readonly line: number;
  /** `null` is `@reboot`. */
  readonly schedule: Schedule | null;
  /** The schedule as it is written. */
  readonly when: Bytes;
  /** The sixth field of a system crontab; `""` in a user's. */
  readonly user: Bytes;
  /** As it is written, `%` included. */
  readonly command: Bytes;
  /** What the assignments before it set. */
  readonly environment: Environment | null;
  readonly settings: JobSettings;
}

/** A part of a crontab that is not used, and why; `line` and `column` count from 1. */
export interface CrontabFlaw extends Flaw {
  readonly line: number;
}

export interface Crontab {
  readonly entries: readonly CrontabEntry[];
  readonly flaws: readonly CrontabFlaw[];
}

const TIME_FIELDS = 5;
/** Whatever a file is that has more flaws, it is no crontab; the others are counted. */
const MAX_FLAWS = 20;
/** A reason quotes what it is about, which may be all of the file. */
const MAX_REASON = 200;

/**
 * Reads a crontab. A line that cannot be used is a flaw, the others still count.
 *
 * @param withUser it has the user as sixth field, as `/etc/crontab` and `/etc/cron.d/*` have
 * @param knowsZone whether there is a time zone of this name: jobs under a `CRON_TZ` that is none are not run at a wrong time
 * @see crontab(5)
 */
export function parseCrontab(text: Bytes, withUser: boolean, knowsZone: (name: Bytes) => boolean): Crontab {
  const entries: CrontabEntry[] = [];
  const flaws: CrontabFlaw[] = [];
  let more = 0;
  let environment: Environment | null = null;
  let settings = DEFAULT_SETTINGS;
  for (const [index, full] of text.split("\n").entries()) {
    const line = index + 1;
    const content = trimEnd(full);
    const start = skipBlanks(content, 0);
    if (start === content.length || content[start] === "#") continue;
    const refuse = ({ column, reason }: Flaw) => {
      const clipped = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}...` : reason;
      if (flaws.length < MAX_FLAWS) flaws.push({ line, column, reason: clipped });
      else more = line;
    };
    if (content.includes("\0")) {
      refuse({ column: content.indexOf("\0") + 1, reason: "there is a NUL byte in the line" });
      continue;
    }
    const assignment = parseAssignment(content);
    if (assignment !== null) {
      const { name, value, column } = assignment;
      environment = { name, value, above: environment };
      const changed = withSetting(settings, name, value);
      if (typeof changed === "string") refuse({ column, reason: changed });
      else settings = changed;
      if (name === "CRON_TZ" && !knowsZone(value)) refuse({ column, reason: unknownZone(value) });
      continue;
    }
    const entry = parseEntry(content, line, withUser, environment, settings);
    if ("reason" in entry) refuse(entry);
    else if (!knowsZone(settings.zone)) refuse({ column: 1, reason: `not run: ${unknownZone(settings.zone)}` });
    else entries.push(entry);
    // A name is for one job.
    settings = { ...settings, name: "" };
  }
  if (more > 0) flaws.push({ line: more, column: 1, reason: "further lines up to this one cannot be used either" });
  return { entries, flaws };
}

/** Why schedules cannot follow a zone. */
export function unknownZone(name: Bytes): string {
  return `there is no time zone "${name}" in /usr/share/zoneinfo (Debian's package tzdata brings them)`;
}

function parseEntry(
  content: Bytes,
  line: number,
  withUser: boolean,
  environment: Environment | null,
  settings: JobSettings,
): CrontabEntry | Flaw {
  const [first] = takeWords(content, 0, 1).words;
  const named = first?.text.startsWith("@") === true;
  const times = takeWords(content, 0, named ? 1 : TIME_FIELDS);
  const schedule = scheduleOf(times.words, content.length + 1);
  if (schedule !== null && "reason" in schedule) return schedule;
  if (schedule !== null && neverComes(schedule))
    return { column: times.words[2]?.column ?? 1, reason: "no month of these has such a day: it would never run" };
  const rest = takeWords(content, times.end, withUser ? 1 : 0);
  const [user] = rest.words;
  const start = skipBlanks(content, rest.end);
  if (withUser && user === undefined) return { column: content.length + 1, reason: "the user is missing" };
  if (start === content.length) {
    const hint = withUser ? `: in this file the user ("${user?.text}"?) stands before it` : "";
    return { column: content.length + 1, reason: `the command is missing${hint}` };
  }
  return {
    ...{ line, schedule, environment, settings },
    when: times.words.map((word) => word.text).join(" "),
    user: user?.text ?? "",
    command: content.slice(start),
  };
}

function scheduleOf(words: readonly Word[], end: number): Schedule | Flaw | null {
  const [first] = words;
  if (first === undefined || !first.text.startsWith("@")) return parseFields(words, end);
  return first.text.toLowerCase() === "@reboot" ? null : parseNickname(first);
}

/** At most `most` words from a position on, and where the last ends. */
function takeWords(content: Bytes, from: number, most: number): { words: Word[]; end: number } {
  const words: Word[] = [];
  let end = from;
  while (words.length < most) {
    const start = skipBlanks(content, end);
    if (start === content.length) break;
    end = start;
    while (end < content.length && !isBlank(content[end])) end++;
    words.push({ text: content.slice(start, end), column: start + 1 });
  }
  return { words, end };
}

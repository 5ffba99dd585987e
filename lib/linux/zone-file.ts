import type { Bytes } from "../text/bytes.ts";
import { parseZoneRule, type TimeZone } from "./zone-rule.ts";

/** Where Debian's package tzdata has the database. */
export const ZONE_DIRECTORY = "/usr/share/zoneinfo";
/** Larger files are no zones: the largest of tzdata has 4 kB. */
export const MAX_ZONE_BYTES = 65_536;

const MAGIC = "TZif";
const HEADER_BYTES = 44;
const COUNTS_AT = 20;
/** A type's offset in seconds, its daylight saving flag and the place of its name. */
const TYPE_BYTES = 6;
/** In seconds, both excluded. @see RFC 9636, section 3.2, "utoff" */
const OFFSETS = { least: -90_000, most: 93_600 } as const;

/** The numbers in a header, in the file's order. @see tzfile(5) */
interface Counts {
  readonly utcMarks: number;
  readonly standardMarks: number;
  readonly leaps: number;
  readonly times: number;
  readonly types: number;
  readonly nameBytes: number;
}

/**
 * Parses a file of the time zone database. Nothing in it is trusted: every count is checked against the file's length before anything
 * is read.
 *
 * @returns the zone, or the reason why the bytes are none
 * @see RFC 9636; tzfile(5)
 */
export function parseZoneFile(file: Bytes): TimeZone | string {
  if (file.length > MAX_ZONE_BYTES) return `it is longer than ${MAX_ZONE_BYTES} bytes`;
  const first = countsAt(file, 0);
  if (first === null) return "it does not begin as a file of the time zone database does";
  const isLong = file.charAt(4) >= "2";
  const start = isLong ? HEADER_BYTES + blockBytes(first, 4) : 0;
  const counts = isLong ? countsAt(file, start) : first;
  if (counts === null) return "its second header is missing";
  const timeBytes = isLong ? 8 : 4;
  const block = start + HEADER_BYTES;
  const end = block + blockBytes(counts, timeBytes);
  if (end > file.length) return "its end is missing";
  if (counts.leaps > 0) return "it counts leap seconds, which the system's clock does not";
  const types = offsetsIn(file, block + counts.times * (timeBytes + 1), counts.types);
  const times = timesIn(file, block, counts.times, timeBytes);
  if (types === null || times === null) return "its numbers are out of range";
  const offsets: number[] = [];
  for (let index = 0; index < counts.times; index++) {
    const offset = types[file.charCodeAt(block + counts.times * timeBytes + index)];
    if (offset === undefined) return "its numbers are out of range";
    offsets.push(offset);
  }
  const later = isLong ? footerAt(file, end) : "";
  if (later === null) return "its end is missing";
  const rule = later === "" ? null : parseZoneRule(later);
  if (later !== "" && rule === null) return "the rule at its end is none";
  return zoneOf(types[0] as number, times, offsets, rule);
}

/** Says that there is no time zone of this name. */
export function unknownZone(name: Bytes): string {
  return `there is no time zone "${name}" in ${ZONE_DIRECTORY} (Debian's package tzdata brings them)`;
}

/** @param rule for times at and after the last change; `null` leaves the last offset */
function zoneOf(first: number, times: readonly number[], offsets: readonly number[], rule: TimeZone | null): TimeZone {
  const last = times.length - 1;
  return (seconds) => {
    if (last < 0 || seconds >= (times[last] as number)) return rule?.(seconds) ?? offsets[last] ?? first;
    let low = -1;
    for (let high = last; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((times[middle] as number) <= seconds) low = middle;
      else high = middle;
    }
    return offsets[low] ?? first;
  };
}

function countsAt(file: Bytes, at: number): Counts | null {
  if (file.length < at + HEADER_BYTES || !file.startsWith(MAGIC, at)) return null;
  const count = (index: number) => numberAt(file, at + COUNTS_AT + 4 * index, 4);
  return {
    utcMarks: count(0),
    standardMarks: count(1),
    leaps: count(2),
    times: count(3),
    types: count(4),
    nameBytes: count(5),
  };
}

function blockBytes({ utcMarks, standardMarks, leaps, times, types, nameBytes }: Counts, timeBytes: number): number {
  return times * (timeBytes + 1) + types * TYPE_BYTES + nameBytes + leaps * (timeBytes + 4) + standardMarks + utcMarks;
}

/** Returns the types' offsets, one at least. */
function offsetsIn(file: Bytes, at: number, count: number): number[] | null {
  const offsets: number[] = [];
  for (let index = 0; index < count; index++) {
    const offset = signed(numberAt(file, at + index * TYPE_BYTES, 4));
    if (offset <= OFFSETS.least || offset >= OFFSETS.most) return null;
    offsets.push(offset);
  }
  return count > 0 ? offsets : null;
}

/** Returns the times of the changes, in seconds since the Epoch; `null` when they are not in order. */
function timesIn(file: Bytes, block: number, count: number, timeBytes: number): number[] | null {
  const times: number[] = [];
  for (let at = block; times.length < count; at += timeBytes) {
    const high = signed(numberAt(file, at, 4));
    const time = timeBytes === 4 ? high : high * 2 ** 32 + numberAt(file, at + 4, 4);
    if (time <= (times[times.length - 1] ?? -Infinity)) return null;
    times.push(time);
  }
  return times;
}

/** Returns the text between two newlines; `null` when it is not there. */
function footerAt(file: Bytes, at: number): Bytes | null {
  const end = file.indexOf("\n", at + 1);
  return file[at] === "\n" && end >= 0 ? file.slice(at + 1, end) : null;
}

/** Reads an unsigned number, most significant byte first. */
function numberAt(file: Bytes, at: number, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index++) value = value * 256 + file.charCodeAt(at + index);
  return value;
}

function signed(value: number): number {
  return value >= 2 ** 31 ? value - 2 ** 32 : value;
}

import { parseDecimal } from "../../../lib/text/decimal.ts";
import { parseOptions } from "../../../lib/text/getopt.ts";
import type { Bytes } from "../sys.ts";
import { type ChpstOptions, HARD_LIMIT, NO_CHANGE } from "./options.ts";

/** Arguments by the daemontools command that `chpst` was called as. The applet's links carry these names. */
const USAGE = {
  setuidgid: "account child",
  envuidgid: "account child",
  envdir: "dir child",
  pgrphack: "child",
  setlock: "[-nNxX] file child",
  softlimit: "[-a n] [-c n] [-d n] [-f n] [-l n] [-m n] [-o n] [-p n] [-r n] [-s n] [-t n] child",
} as const;

type Emulated = keyof typeof USAGE;

/** Resources of `setrlimit(2)` by softlimit's letters. */
const RESOURCES: Readonly<Record<string, readonly number[]>> = {
  t: [0],
  f: [1],
  d: [2],
  s: [3],
  c: [4],
  r: [5],
  p: [6],
  o: [7],
  l: [8],
  a: [9],
  m: [2, 3, 8, 9],
};

/**
 * Reads the command line of a daemontools command (without `argv[0]`).
 * @param name the base name that `chpst` was called by
 * @returns `null` when the name is none of daemontools'; a text says what is wrong with the command line
 * @see chpst(8), EMULATION
 */
export function parseEmulation(name: Bytes, args: readonly Bytes[]): ChpstOptions | string | null {
  if (!Object.hasOwn(USAGE, name)) return null;
  const emulated = name as Emulated;
  const parsed = parse(emulated, args);
  if (typeof parsed !== "string" && parsed.command.length > 0) return parsed;
  const problem = typeof parsed === "string" ? parsed : "no program to run";
  return `${name}: ${problem}\nusage: ${name} ${USAGE[emulated]}`;
}

function parse(name: Emulated, args: readonly Bytes[]): ChpstOptions | string {
  const [subject = "", ...command] = args;
  switch (name) {
    case "setuidgid":
      return { ...NO_CHANGE, user: subject, command };
    case "envuidgid":
      return { ...NO_CHANGE, envUser: subject, command };
    case "envdir":
      return { ...NO_CHANGE, envDir: subject, command };
    case "pgrphack":
      return { ...NO_CHANGE, session: true, command: args };
    case "setlock":
      return parseSetlock(args);
    case "softlimit":
      return parseSoftlimit(args);
  }
}

/** Reads `-n` (fail at once), `-N` (wait, the default), `-x` (fail quietly) and `-X` as setlock documents them. */
function parseSetlock(args: readonly Bytes[]): ChpstOptions | string {
  const parsed = parseOptions(args, "nNxX");
  if (typeof parsed === "string") return parsed;
  let waits = true;
  let quiet = false;
  for (const [letter] of parsed.options) {
    if (letter === "n" || letter === "N") waits = letter === "N";
    else quiet = letter === "x";
  }
  const [path = "", ...command] = parsed.operands;
  return { ...NO_CHANGE, lock: { path, waits, quiet }, command };
}

function parseSoftlimit(args: readonly Bytes[]): ChpstOptions | string {
  const letters = Object.keys(RESOURCES);
  const parsed = parseOptions(args, letters.map((letter) => `${letter}:`).join(""));
  if (typeof parsed === "string") return parsed;
  const limits = new Map<number, number>();
  for (const [letter, value] of parsed.options) {
    const number = value === "=" ? HARD_LIMIT : parseDecimal(value);
    if (number === null) return `cannot use -${letter} "${value}": it is not a number, nor "="`;
    for (const resource of RESOURCES[letter] ?? []) limits.set(resource, number);
  }
  return { ...NO_CHANGE, limits, command: parsed.operands };
}

import { parseDecimal } from "../../../lib/text/decimal.ts";
import { parseOptions } from "../../../lib/text/getopt.ts";
import type { Bytes } from "../sys.ts";

export const USAGE =
  "usage: chpst [-vVP012] [-u user[:group]] [-U user[:group]] [-b argv0] [-e dir] [-/ root] [-C dir] [-n nice] [-l|-L lock] [-m n] [-d n] [-o n] [-p n] [-f n] [-c n] [-t n] prog";

/** Limits by option: the resources of `setrlimit(2)`, whose numbers amd64 and arm64 share. */
const RESOURCES: Readonly<Record<string, readonly number[]>> = {
  // Data, stack, locked memory and address space.
  m: [2, 3, 8, 9],
  d: [2],
  o: [7],
  p: [6],
  f: [1],
  c: [4],
  t: [0],
  // Not in chpst(8), but runit has it.
  r: [5],
};

/** A limit that is as high as the hard limit allows. */
export const HARD_LIMIT = Number.POSITIVE_INFINITY;

/** The state that the command line asks for; `null` where an option was not given. */
export interface ChpstOptions {
  readonly user: Bytes | null;
  readonly envUser: Bytes | null;
  readonly argv0: Bytes | null;
  readonly envDir: Bytes | null;
  readonly root: Bytes | null;
  /** Working directory, as seen below the new root. */
  readonly directory: Bytes | null;
  readonly nice: number;
  readonly lock: Lock | null;
  /** Soft limit by resource; {@link HARD_LIMIT} for the hard one. */
  readonly limits: ReadonlyMap<number, number>;
  readonly session: boolean;
  /** Descriptors among 0, 1 and 2. */
  readonly close: readonly number[];
  readonly command: readonly Bytes[];
}

/** A lock that the program holds for as long as it runs. */
export interface Lock {
  readonly path: Bytes;
  /** Waits for another holder's end; fails at once otherwise. */
  readonly waits: boolean;
  /** Exits 0, without a message, when the lock cannot be taken or the program cannot be run: `setlock -x`. */
  readonly quiet?: boolean;
}

/** Options that change nothing. */
export const NO_CHANGE: ChpstOptions = {
  user: null,
  envUser: null,
  argv0: null,
  envDir: null,
  root: null,
  directory: null,
  nice: 0,
  lock: null,
  limits: new Map(),
  session: false,
  close: [],
  command: [],
};

/** Reads the command line (without `argv[0]`), or says in words what is wrong with it. @see chpst(8) */
export function parseChpstOptions(args: readonly Bytes[]): ChpstOptions | string {
  const parsed = parseOptions(args, "vVP012u:U:b:e:/:C:n:l:L:m:d:o:p:f:c:t:r:");
  if (typeof parsed === "string") return parsed;
  const texts = new Map<string, Bytes>();
  const limits = new Map<number, number>();
  let nice = 0;
  let lock: Lock | null = null;
  for (const [letter, value] of parsed.options) {
    if (letter === "V") return "this is the chpst of shipshape";
    if (letter === "n") {
      const number = parseNice(value);
      if (number === null) return `cannot use -n "${value}": it is not a whole number`;
      nice = number;
    } else if (letter === "l" || letter === "L") {
      if (lock !== null) return "only one lock can be held";
      lock = { path: value, waits: letter === "l" };
    } else if (RESOURCES[letter] !== undefined) {
      const number = parseDecimal(value);
      if (number === null) return `cannot use -${letter} "${value}": it is not a number`;
      for (const resource of RESOURCES[letter]) limits.set(resource, number);
    } else texts.set(letter, value);
  }
  if (parsed.operands.length === 0) return "no program to run";
  const text = (letter: string) => texts.get(letter) ?? null;
  return {
    user: text("u"),
    envUser: text("U"),
    argv0: text("b"),
    envDir: text("e"),
    root: text("/"),
    directory: text("C"),
    nice,
    lock,
    limits,
    session: texts.has("P"),
    close: [0, 1, 2].filter((fd) => texts.has(`${fd}`)),
    command: parsed.operands,
  };
}

function parseNice(text: Bytes): number | null {
  const sign = text.startsWith("-") || text.startsWith("+");
  const number = parseDecimal(sign ? text.slice(1) : text, 1000);
  return number !== null && text.startsWith("-") ? -number : number;
}

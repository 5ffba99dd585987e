import { parseDurationMs } from "../../../lib/text/duration.ts";
import { parseOptions } from "../../../lib/text/getopt.ts";
import type { Bytes } from "../sys.ts";
import { COMMAND_WORDS, findVerb, type Verb } from "./verbs.ts";

export const USAGE = `usage: sv [-v] [-w sec] command [service ...]\ncommands: ${COMMAND_WORDS.join(" ")}`;

const DEFAULT_WAIT_MS = 7000;

/** What the command line asks for. */
export interface Arguments {
  readonly verb: Verb | "status" | "pid";
  /** Services as they were named; none means all, which only `status` takes. */
  readonly names: readonly Bytes[];
  /** Whether to wait for the effect and report it. */
  readonly waits: boolean;
  readonly waitMs: number;
}

/**
 * Reads the command line (without `argv[0]`).
 * @param svwait the variable `SVWAIT`; `-w` overrides it
 * @returns lines for stderr when it cannot be obeyed
 */
export function parseArguments(args: readonly Bytes[], svwait: Bytes | undefined): Arguments | string {
  const parsed = parseOptions(args, "vVw:");
  if (typeof parsed === "string") return `sv: ${parsed}\n${USAGE}`;
  let verbose = false;
  let wait = svwait ? { source: "SVWAIT", text: svwait } : null;
  for (const [letter, value] of parsed.options) {
    if (letter === "V") return `sv of shipshape\n${USAGE}`;
    verbose = true;
    if (letter === "w") wait = { source: "-w", text: value };
  }
  const waitMs = wait === null ? DEFAULT_WAIT_MS : parseDurationMs(wait.text);
  if (waitMs === null) return `sv: cannot use ${wait?.source} "${wait?.text}": it is not a number of seconds\n${USAGE}`;
  const [word, ...names] = parsed.operands;
  if (word === undefined) return USAGE;
  const verb = findVerb(word);
  if (verb === null) return `sv: unknown command "${word}"\n${USAGE}`;
  if (names.length === 0 && verb !== "status") return `sv: ${word} which service?\n${USAGE}`;
  return { verb, names, waits: verbose || (typeof verb === "object" && verb.waits), waitMs };
}

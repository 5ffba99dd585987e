import { parseDurationMs } from "../../../lib/text/duration.ts";
import { parseOptions } from "../../../lib/text/getopt.ts";
import type { Bytes } from "../sys.ts";
import { COMMAND_WORDS, findVerb, type Verb } from "./verbs.ts";

export const USAGE = `usage: sv [-v] [-w sec] command [service ...]\ncommands: ${COMMAND_WORDS.join(" ")}`;

/** Exit codes of a call by another name than `sv`, as a script in /etc/init.d. @see https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html */
export const LSB = { failed: 1, usage: 2, down: 3, unknown: 4, error: 151 } as const;

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
 * @param script the service whose script in /etc/init.d `sv` was called as: no other may be named
 * @returns lines for stderr when it cannot be obeyed
 */
export function parseArguments(
  args: readonly Bytes[],
  svwait: Bytes | undefined,
  script: Bytes | null = null,
): Arguments | string {
  const usage = script === null ? USAGE : `usage: ${script} [-w sec] ${COMMAND_WORDS.join("|")}`;
  const parsed = parseOptions(args, "vVw:");
  if (typeof parsed === "string") return `sv: ${parsed}\n${usage}`;
  let verbose = false;
  let wait = svwait ? { source: "SVWAIT", text: svwait } : null;
  for (const [letter, value] of parsed.options) {
    if (letter === "V") return `sv of shipshape\n${usage}`;
    verbose = true;
    if (letter === "w") wait = { source: "-w", text: value };
  }
  const waitMs = wait === null ? DEFAULT_WAIT_MS : parseDurationMs(wait.text);
  if (waitMs === null) return `sv: cannot use ${wait?.source} "${wait?.text}": it is not a number of seconds\n${usage}`;
  const [word, ...operands] = parsed.operands;
  if (word === undefined) return usage;
  const verb = findVerb(word);
  // A script's typing error must not be taken for `status`.
  if (verb === null || (script !== null && verb === "status" && word !== "status"))
    return `sv: unknown command "${word}"\n${usage}`;
  const names = script === null ? operands : [script];
  if (names.length === 0 && verb !== "status") return `sv: ${word} which service?\n${usage}`;
  return { verb, names, waits: verbose || (typeof verb === "object" && verb.waits), waitMs };
}

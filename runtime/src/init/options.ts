import { signalNumber } from "../../../lib/linux/signals.ts";
import type { Bytes } from "../sys.ts";

/** The command line of `my_init`. */
export interface Options {
  readonly enableInsecureKey: boolean;
  readonly skipStartupFiles: boolean;
  readonly skipServices: boolean;
  readonly killAllOnExit: boolean;
  readonly quiet: boolean;
  /** Numbers of further signals that start the shutdown. */
  readonly stopSignals: readonly number[];
  /** The main command and its arguments; empty without one. */
  readonly mainCommand: readonly Bytes[];
}

/** What a command line asks for. `problem` is a text for stderr. */
export type Parsed =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: Bytes }
  | { readonly kind: "conflict"; readonly problem: Bytes };

const FLAGS = [
  ["--help", "show this help and exit"],
  ["--enable-insecure-key", "allow SSH login with the insecure key"],
  ["--skip-startup-files", "do not run /etc/my_init.d/* and /etc/rc.local"],
  ["--skip-runit", "do not start the services of /etc/service"],
  ["--no-kill-all-on-exit", "leave other processes alone when the container stops"],
  ["--quiet", "say warnings and errors only"],
  ["--stop-signal", "one more signal that stops the container, as TERM and INT do"],
] as const;

type Flag = (typeof FLAGS)[number][0];

export const USAGE = "usage: my_init [options] [--] [MAIN_COMMAND ...]\n";

/** Flags as `--help` shows them, where that is not the flag alone. */
const SHOWN: Readonly<Partial<Record<Flag, string>>> = {
  "--help": "-h, --help",
  "--stop-signal": "--stop-signal SIGNAL",
};

/** Text of `--help`. */
export function help(): Bytes {
  const rows = FLAGS.map(([flag, meaning]) => `  ${(SHOWN[flag] ?? flag).padEnd(24)}${meaning}\n`);
  return `${USAGE}\nThe init of a container: runs startup files, keeps services up, reaps orphans, stops in order.\n\n${rows.join("")}`;
}

/**
 * Reads the arguments that follow the program's name. Options may be shortened while they are unique (`--skip-r`); the
 * first word that is no option, or `--`, ends them.
 */
export function parseOptions(args: readonly Bytes[]): Parsed {
  const flags = new Set<Flag>();
  const stopSignals: number[] = [];
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at] as Bytes;
    if (word === "--") {
      at++;
      break;
    }
    if (word === "-h") return { kind: "help" };
    if (!word.startsWith("-") || word === "-") break;
    const equals = word.indexOf("=");
    const flag = findFlag(equals < 0 ? word : word.slice(0, equals));
    if (typeof flag !== "string") return { kind: "usage", problem: flag.problem };
    if (flag === "--help") return { kind: "help" };
    if (flag === "--stop-signal") {
      const name = equals < 0 ? args[++at] : word.slice(equals + 1);
      const signal = signalNumber(name ?? "");
      if (signal === null) return { kind: "usage", problem: `argument --stop-signal: "${name ?? ""}" is no signal` };
      stopSignals.push(signal);
    } else if (equals >= 0) return { kind: "usage", problem: `argument ${flag}: takes no value` };
    flags.add(flag);
  }
  const mainCommand = args.slice(at);
  if (flags.has("--skip-runit") && mainCommand.length === 0) {
    return { kind: "conflict", problem: "When --skip-runit is given, you must also pass a main command." };
  }
  return {
    kind: "run",
    options: {
      enableInsecureKey: flags.has("--enable-insecure-key"),
      skipStartupFiles: flags.has("--skip-startup-files"),
      skipServices: flags.has("--skip-runit"),
      killAllOnExit: !flags.has("--no-kill-all-on-exit"),
      quiet: flags.has("--quiet"),
      stopSignals,
      mainCommand,
    },
  };
}

function findFlag(word: Bytes): Flag | { problem: Bytes } {
  const matches = word.length > 2 ? FLAGS.map(([flag]) => flag).filter((flag) => flag.startsWith(word)) : [];
  const exact = matches.find((flag) => flag === word);
  if (exact !== undefined) return exact;
  if (matches.length === 1) return matches[0] as Flag;
  return {
    problem:
      matches.length > 1
        ? `ambiguous option: ${word} could match ${matches.join(", ")}`
        : `unrecognized arguments: ${word}`,
  };
}

import { basename } from "node:path";
import { Failure } from "../host/failure.ts";
import { printable } from "../lib/text/printable.ts";
import { parse, synopsis, usageOf, type Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** Exit code for a command line that is not understood, as shells and coreutils have it. */
const USAGE_ERROR = 2;

/** Runs a command line. @param program what the program was called by @returns the exit code */
async function main(program: string, args: readonly string[]): Promise<number> {
  const linked = Object.keys(verbs).find((verb) => verbs[verb]?.link === program);
  const name = linked ?? args[0] ?? "";
  const rest = linked === undefined ? args.slice(1) : args;
  const verb = verbs[name];
  if (verb === undefined) {
    const asked = name === "-h" || name === "--help" || name === "help";
    if (name === "--version") console.log(`shipshape ${VERSION}`);
    else if (asked) console.log(help());
    else console.error(name === "" ? help() : `shipshape: there is no verb "${name}"\n${help()}`);
    return asked || name === "--version" ? 0 : USAGE_ERROR;
  }
  const called = linked === undefined ? `shipshape ${name}` : program;
  if (rest[0] === "-h" || rest[0] === "--help") {
    console.log(usage(verb, called));
    return 0;
  }
  try {
    const run = parse(verb, rest);
    if (typeof run === "function") return await run();
    console.error(`${called}: ${run}\n${usage(verb, called)}`);
    return USAGE_ERROR;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A reason may hold words of the container, which could write to the terminal what they like.
    console.error(`${called}: ${printable(error.message)}`);
    return error.exitCode;
  }
}

function help(): string {
  const rows = Object.entries(verbs).map(
    ([name, verb]) => [`shipshape ${name} ${synopsis(verb)}`, verb.summary] as const,
  );
  return ["usage: shipshape VERB ...", ...table(rows), "`shipshape VERB --help` tells more."].join("\n");
}

function usage(verb: Verb, called: string): string {
  const { options, summary, details } = verb;
  const rows = options.map((option) => [usageOf(option), option.help] as const);
  const sentence = `${summary[0]?.toUpperCase()}${summary.slice(1)}.`;
  return [`usage: ${called} ${synopsis(verb)}`, sentence, ...table(rows), ...details].join("\n");
}

function table(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
}

// By exitCode and not by exit(): what is still on its way to a pipe is written.
void main(basename(process.argv[1] ?? ""), process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

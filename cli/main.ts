import { basename } from "node:path";
import { Failure } from "./failure.ts";
import type { Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** Exit code for a command line that is not understood, as shells and coreutils have it. */
const USAGE_ERROR = 2;

/** Names that the program may be called by, and the verb that each is. */
const LINKS: Readonly<Record<string, string>> = { "docker-bash": "bash", "docker-ssh": "ssh" };

/** Runs a command line. @param program what the program was called by @returns the exit code */
async function main(program: string, args: readonly string[]): Promise<number> {
  const linked = LINKS[program];
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
    const invocation = verb.parse(rest);
    if (typeof invocation === "function") return await invocation();
    console.error(`${called}: ${invocation.problem}\n${usage(verb, called)}`);
    return USAGE_ERROR;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`${called}: ${error.message}`);
    return error.exitCode;
  }
}

function help(): string {
  const rows = Object.entries(verbs).map(([name, { synopsis, summary }]) => [`${name} ${synopsis}`, summary] as const);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const lines = rows.map(([left, right]) => `  shipshape ${left.padEnd(width)}${right}`);
  return ["usage: shipshape VERB ...", ...lines, "`shipshape VERB --help` tells more."].join("\n");
}

function usage({ synopsis, summary, details }: Verb, called: string): string {
  return [`usage: ${called} ${synopsis}`, `${summary[0]?.toUpperCase()}${summary.slice(1)}.`, ...details].join("\n");
}

// By exitCode and not by exit(): what is still on its way to a pipe is written.
void main(basename(process.argv[1] ?? ""), process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

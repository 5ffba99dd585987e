import { parseOptions } from "../lib/getopt.ts";
import { ask, type Container, enter, findContainer, lastLine } from "./container.ts";
import { Failure } from "./failure.ts";
import type { Verb } from "./verb.ts";

/** As the engines' own `exec` ends when it could not do its part. */
const FAILED = 125;
/** What engines say of a program that is not in the image: runc, then crun. */
const NO_PROGRAM = /executable file not found|executable file `[^`]*` not found|no such file or directory/i;

/** `shipshape bash`, `docker-bash`: a shell or a command in a container, by the engine's `exec`. */
export const bash: Verb = {
  synopsis: "[-u USER] CONTAINER [COMMAND ...]",
  summary: "open a shell in a container, or run a command there",
  details: [
    "  -u USER    as this user of the container, by name or number; by default as the container's own",
    "The exit code is the command's; 125 when it could not be run.",
  ],
  parse(args) {
    const parsed = parseOptions(args, "u:");
    if (typeof parsed === "string") return { problem: parsed };
    const [name, ...command] = parsed.operands;
    if (name === undefined) return { problem: "which container?" };
    const user = new Map(parsed.options).get("u");
    return () => openShell(name, command, user);
  },
};

async function openShell(name: string, command: readonly string[], user: string | undefined): Promise<number> {
  const purpose = command.length === 0 ? `open a shell in ${name}` : `run ${command[0]} in ${name}`;
  const container = await findContainer(name, purpose, FAILED);
  const shell = await findShell(container, user, purpose);
  if (command.length === 0 && shell === "none") {
    throw new Failure(
      `cannot ${purpose}: there is no sh in its image; give the path of a program that is: ${container.engine} cp ${name}:/ - | tar -t lists it`,
      FAILED,
    );
  }
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  return enter(container, commandLine(shell, command), { user, terminal });
}

/** What the container has of shells. */
export type Shell = "bash" | "sh" | "none";

async function findShell(container: Container, user: string | undefined, purpose: string): Promise<Shell> {
  const { code, stdout, stderr } = await ask(container, ["sh", "-c", "command -v bash || :"], { user });
  if (code === 0) return stdout === "" ? "sh" : "bash";
  // Docker tells it on either stream.
  if (NO_PROGRAM.test(stdout + stderr)) return "none";
  throw new Failure(`cannot ${purpose}: ${container.engine} exec says: ${lastLine(stderr || stdout)}`, FAILED);
}

/** Gives a command the variables of the container as a login shell has them; without permission to read them it goes without. */
const WITH_VARIABLES = '[ ! -r /etc/container_environment.sh ] || . /etc/container_environment.sh; exec "$@"';

/** What to execute in the container. */
export function commandLine(shell: Shell, command: readonly string[]): string[] {
  if (command.length === 0) return [shell, "-l"];
  return shell === "none" ? [...command] : ["sh", "-c", WITH_VARIABLES, "sh", ...command];
}

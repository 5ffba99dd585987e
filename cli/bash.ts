import { Failure } from "../host/failure.ts";
import { ask, type Container, enter, findContainer, lacksProgram, lastLine } from "./container.ts";
import type { Verb } from "./verb.ts";

/** As the engines' own `exec` ends when it could not do its part. */
const FAILED = 125;

/** `shipshape bash`, `docker-bash`: a shell or a command in a container, by the engine's `exec`. */
export const bash: Verb = {
  link: "docker-bash",
  options: [
    {
      letter: "u",
      value: "USER",
      help: "as this user of the container, by name or number; by default as the container's own",
    },
  ],
  operands: "CONTAINER [COMMAND ...]",
  first: "container",
  summary: "open a shell in a container, or run a command there",
  details: ["The exit code is the command's; 125 when it could not be run."],
  prepare({ options, operands: [name = "", ...command] }) {
    if (name === "") return "which container?";
    const user = new Map(options).get("u");
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
  const said = await ask(container, ["sh", "-c", "command -v bash || :"], { user });
  if (said.code === 0) return said.stdout === "" ? "sh" : "bash";
  if (lacksProgram(said)) return "none";
  throw new Failure(
    `cannot ${purpose}: ${container.engine} exec says: ${lastLine(said.stderr || said.stdout)}`,
    FAILED,
  );
}

/** Gives a command the variables of the container as a login shell has them; without permission to read them it goes without. */
const WITH_VARIABLES = '[ ! -r /etc/container_environment.sh ] || . /etc/container_environment.sh; exec "$@"';

/** What to execute in the container. */
export function commandLine(shell: Shell, command: readonly string[]): string[] {
  if (command.length === 0) return [shell, "-l"];
  return shell === "none" ? [...command] : ["sh", "-c", WITH_VARIABLES, "sh", ...command];
}

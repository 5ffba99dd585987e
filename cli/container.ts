import { type CommandResult, NOT_STARTED, run } from "../host/command.ts";
import { HOST_ENGINES, type HostEngineName, unknownHostEngine, wantsHostEngine } from "../host/engines/host-engine.ts";
import { Failure } from "../host/failure.ts";
import { foreground } from "../host/foreground.ts";

/** A container that runs. */
export interface Container {
  readonly engine: HostEngineName;
  /** All 64 digits. */
  readonly id: string;
  /** What the user called it by. */
  readonly name: string;
}

export interface ExecOptions {
  /** As the engine's `exec --user` takes it; the container's own user by default. */
  readonly user?: string | undefined;
  /** Gives it a terminal. */
  readonly terminal?: boolean;
}

/**
 * Finds a container that runs, by its name or the start of its id, in Docker or else in Podman; `SHIPSHAPE_ENGINE` leaves one out.
 *
 * @param purpose what the caller wants, put after "cannot": `open a shell in web`
 * @param exitCode of the failure
 * @throws {@link Failure} no engine, no such container, not running
 */
export async function findContainer(name: string, purpose: string, exitCode: number): Promise<Container> {
  const unknown = unknownHostEngine();
  if (unknown !== null) throw new Failure(`cannot ${purpose}: ${unknown}`, exitCode);
  const engines = HOST_ENGINES.filter(wantsHostEngine);
  const answers: EngineAnswer[] = [];
  for (const engine of engines) {
    const said = await run(engine, ["container", "inspect", "--", name]);
    const answer = readInspection(engine, said);
    if (answer.kind === "found") {
      const problem = whyNotReady(answer, engine, name);
      if (problem !== null) throw new Failure(`cannot ${purpose}: ${problem}`, exitCode);
      return { engine, id: answer.id, name };
    }
    answers.push(answer);
  }
  throw new Failure(`cannot ${purpose}: ${whyNotFound(answers, name)}`, exitCode);
}

type Found = { readonly kind: "found"; readonly id: string; readonly status: string; readonly exitCode: number };

/** What an engine says of a container. */
export type EngineAnswer =
  | Found
  | { readonly kind: "unknown"; readonly engine: HostEngineName }
  | { readonly kind: "missing"; readonly engine: HostEngineName }
  | { readonly kind: "mute"; readonly engine: HostEngineName; readonly reason: string };

/** Reads the answer to `container inspect`. */
export function readInspection(engine: HostEngineName, { code, stdout, stderr }: CommandResult): EngineAnswer {
  if (code === NOT_STARTED) return { kind: "missing", engine };
  if (code !== 0) {
    if (/no such container/i.test(stderr)) return { kind: "unknown", engine };
    return { kind: "mute", engine, reason: lastLine(stderr) || `exit status ${code}` };
  }
  try {
    const [container] = JSON.parse(stdout) as { Id: string; State: { Status: string; ExitCode: number } }[];
    if (container !== undefined) {
      const { Id, State } = container;
      return { kind: "found", id: Id, status: State.Status, exitCode: State.ExitCode };
    }
  } catch {}
  return { kind: "mute", engine, reason: `its answer is no container: ${stdout.slice(0, 80)}` };
}

/** Why nothing can run in a container now, and what to do; `null` when it can. */
export function whyNotReady({ status, exitCode }: Found, engine: HostEngineName, name: string): string | null {
  if (status === "running") return null;
  if (status === "paused") return `the container is paused; ${engine} unpause ${name}`;
  const logs = `${engine} logs ${name} tells its story`;
  if (status === "restarting") return `the container ends again and again, last with exit code ${exitCode}; ${logs}`;
  const ended = status === "exited" ? `it has ended with exit code ${exitCode}` : `it is ${status}`;
  return `the container does not run: ${ended}; ${engine} start ${name} starts it, ${logs}`;
}

/** Why no engine has given a container. */
export function whyNotFound(answers: readonly EngineAnswer[], name: string): string {
  const mute = answers.flatMap((answer) => (answer.kind === "mute" ? [`${answer.engine} says: ${answer.reason}`] : []));
  const asked = answers.flatMap((answer) => (answer.kind === "unknown" ? [answer.engine] : []));
  if (asked.length > 0) {
    return [...mute, `no container "${name}" in ${asked.join(" or ")}; ${asked[0]} ps --all lists what there is`].join(
      "; ",
    );
  }
  if (mute.length > 0) return mute.join("; ");
  const missing = answers.flatMap((answer) => (answer.kind === "missing" ? [answer.engine] : []));
  return `${missing.length > 1 ? `neither ${missing.join(" nor ")} is` : `${missing[0]} is not`} installed here, or not in PATH`;
}

/** Arguments of the engine's `exec` up to the command. Standard input is always passed on. */
export function execArguments({ id }: Container, { user, terminal = false }: ExecOptions = {}): string[] {
  return [
    "exec",
    "--interactive",
    ...(terminal ? ["--tty", "--env", `TERM=${process.env.TERM ?? "xterm"}`] : []),
    ...(user === undefined ? [] : ["--user", user]),
    id,
  ];
}

/** Runs a command in a container and keeps what it writes. */
export function ask(container: Container, command: readonly string[], options?: ExecOptions): Promise<CommandResult> {
  return run(container.engine, [...execArguments(container, options), ...command]);
}

/** Runs a command in a container, in the place of this program. @returns its exit code */
export function enter(container: Container, command: readonly string[], options?: ExecOptions): Promise<number> {
  return foreground(container.engine, [...execArguments(container, options), ...command]);
}

/** What engines say of a program that is not in the image: runc, then crun; Docker on either stream. */
const NO_PROGRAM = /executable file not found|executable file `[^`]*` not found|no such file or directory/i;

/** Whether a program could not be run because it is not in the image. */
export function lacksProgram({ code, stdout, stderr }: CommandResult): boolean {
  return code !== 0 && NO_PROGRAM.test(stdout + stderr);
}

/** The last line that is not empty. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

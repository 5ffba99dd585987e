import { type CommandOptions, type CommandResult, NOT_STARTED, run, runOrThrow } from "../command.ts";

/** Engines of the machine that this project drives as programs, in the order in which they are asked; their command lines are the same. */
export const HOST_ENGINES = ["docker", "podman"] as const;
export type HostEngineName = (typeof HOST_ENGINES)[number];

/** A container engine of the machine, which answers. */
export interface HostEngine {
  /** The client's command name. */
  readonly program: HostEngineName;
  /** Variables that lead the client to this engine; processes that talk to it by themselves need them. */
  readonly env: Readonly<Record<string, string>>;
  /** Arguments that every `build` needs here. */
  readonly buildArgs: readonly string[];
  /** Runs the client to its end; never rejects. */
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs the client. @throws `cannot <purpose>: …` when its exit code is not 0 */
  runOrThrow(purpose: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

const ANSWER_LIMIT_MS = 10_000;
/** Two blocks of zeros. */
const EMPTY_TAR = new Uint8Array(1024);

/** Whether `SHIPSHAPE_ENGINE` leaves an engine in. */
export function wantsHostEngine(name: HostEngineName): boolean {
  const wanted = process.env.SHIPSHAPE_ENGINE;
  return !wanted || wanted === name;
}

/** Says that `SHIPSHAPE_ENGINE` names no engine; `null` when it does, or is not set. */
export function unknownHostEngine(): string | null {
  if (HOST_ENGINES.some(wantsHostEngine)) return null;
  return `SHIPSHAPE_ENGINE is "${process.env.SHIPSHAPE_ENGINE}", not ${HOST_ENGINES.join(" or ")}`;
}

/** The engine that runs already, `null` when there is none. */
export async function findHostEngine(): Promise<HostEngine | null> {
  const docker = wantsHostEngine("docker") ? await dockerAt({}) : null;
  return docker ?? (wantsHostEngine("podman") ? await podmanAt({}) : null);
}

type Environment = Readonly<Record<string, string>>;

/** The Docker that these variables lead to, `null` when it does not answer. @param buildArgs what every `build` needs there */
export async function dockerAt(where: Environment, buildArgs: readonly string[] = []): Promise<HostEngine | null> {
  let env = where;
  const ask = (): Promise<CommandResult> => run("docker", ["version"], { env, timeoutMs: ANSWER_LIMIT_MS });
  let answer = await ask();
  const version = answer.code === 0 ? null : commonApiVersion(answer.stderr);
  if (version !== null) {
    env = { ...env, DOCKER_API_VERSION: version };
    answer = await ask();
  }
  if (answer.code !== 0) return null;
  const buildx = await run("docker", ["buildx", "version"], { env, timeoutMs: ANSWER_LIMIT_MS });
  if (buildx.code !== 0) env = { ...env, DOCKER_BUILDKIT: "0" };
  return engine("docker", env, buildArgs);
}

/**
 * The API version to ask for after a client and a daemon of different age did not agree by themselves.
 * @param stderr what `docker version` said
 */
export function commonApiVersion(stderr: string): string | null {
  return /(?:Maximum|Minimum|minimum) supported API version is (\d+\.\d+)/.exec(stderr)?.[1] ?? null;
}

/**
 * The Podman that these variables lead to, `null` when it cannot start a container: it answers questions also where the kernel lets it
 * do nothing.
 */
export async function podmanAt(env: Environment): Promise<HostEngine | null> {
  const found = engine("podman", env, []);
  const limited = { timeoutMs: ANSWER_LIMIT_MS };
  if ((await found.run(["info"], limited)).code !== 0) return null;
  // An image without a file: everything has worked when nothing but the command is missing.
  const trial = "localhost/shipshape/empty:latest";
  const present = await found.run(["image", "exists", trial], limited);
  if (present.code !== 0) await found.run(["import", "-", trial], { ...limited, input: EMPTY_TAR });
  const { code } = await found.run(["run", "--rm", trial, "/no-such-command"], limited);
  return code === NOT_STARTED ? found : null;
}

function engine(program: HostEngineName, env: Environment, buildArgs: readonly string[]): HostEngine {
  const merge = (options: CommandOptions = {}): CommandOptions => ({ ...options, env: { ...env, ...options.env } });
  return {
    program,
    env: { ...env, SHIPSHAPE_ENGINE: program },
    buildArgs,
    run: (args, options) => run(program, args, merge(options)),
    runOrThrow: (purpose, args, options) => runOrThrow(purpose, program, args, merge(options)),
  };
}

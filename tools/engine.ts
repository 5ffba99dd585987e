import { needDebianPackages } from "./debian.ts";
import { type CommandOptions, type CommandResult, run, runOrThrow } from "./setup/command.ts";
import { startDockerDaemon } from "./setup/docker-daemon.ts";
import { say } from "./setup/places.ts";

/** A container engine that answers. */
export interface Engine {
  /** The client's command name. */
  readonly program: "docker" | "podman";
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
const COMMAND_NOT_FOUND = 127;
/** Two blocks of zeros. */
const EMPTY_TAR = new Uint8Array(1024);

/**
 * Gives a container engine to `use`: the Docker or Podman that runs on this machine, else a Docker daemon started for the time of
 * the call (its packages are installed first) with data, socket and pid file of its own. It is stopped at the end, also after a
 * failure or Ctrl-C. `SHIPSHAPE_ENGINE=docker` or `podman` leaves the other one out.
 */
export async function withEngine<T>(use: (engine: Engine) => Promise<T>): Promise<T> {
  const { engine, close } = await openEngine();
  try {
    return await use(engine);
  } finally {
    await close();
  }
}

/** As {@link withEngine}, for those who cannot put their work into one function: they must call `close`. */
export async function openEngine(): Promise<{ engine: Engine; close: () => Promise<void> }> {
  const running = await findEngine();
  if (running !== null) return { engine: running, close: async () => {} };

  if (process.env.SHIPSHAPE_ENGINE === "podman")
    throw new Error("cannot use podman: it does not start a container here; `podman run` says why");
  await needDocker();
  const daemon = await startDockerDaemon();
  const engine = await docker({ DOCKER_HOST: daemon.host }, daemon.buildArgs);
  if (engine !== null) return { engine, close: daemon.stop };
  await daemon.stop();
  throw new Error("cannot use the Docker daemon just started: `docker version` does not succeed");
}

/** The engine that runs already, `null` when there is none. */
async function findEngine(): Promise<Engine | null> {
  const wanted = process.env.SHIPSHAPE_ENGINE;
  return (wanted !== "podman" ? await docker({}, []) : null) ?? (wanted !== "docker" ? await podmanAt({}) : null);
}

type Environment = Readonly<Record<string, string>>;

async function docker(where: Environment, buildArgs: readonly string[]): Promise<Engine | null> {
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
export async function podmanAt(env: Environment): Promise<Engine | null> {
  const found = engine("podman", env, []);
  const limited = { timeoutMs: ANSWER_LIMIT_MS };
  if ((await found.run(["info"], limited)).code !== 0) return null;
  // An image without a file: everything has worked when nothing but the command is missing.
  const trial = "localhost/shipshape/empty:latest";
  const present = await found.run(["image", "exists", trial], limited);
  if (present.code !== 0) await found.run(["import", "-", trial], { ...limited, input: EMPTY_TAR });
  const { code } = await found.run(["run", "--rm", trial, "/no-such-command"], limited);
  return code === COMMAND_NOT_FOUND ? found : null;
}

function engine(program: Engine["program"], env: Environment, buildArgs: readonly string[]): Engine {
  const merge = (options: CommandOptions = {}): CommandOptions => ({ ...options, env: { ...env, ...options.env } });
  return {
    program,
    env: { ...env, SHIPSHAPE_ENGINE: program },
    buildArgs,
    run: (args, options) => run(program, args, merge(options)),
    runOrThrow: (purpose, args, options) => runOrThrow(purpose, program, args, merge(options)),
  };
}

async function needDocker(): Promise<void> {
  say("no container engine answers: a Docker daemon is started for this run");
  const has = async (program: string): Promise<boolean> => (await run(program, ["--version"])).code === 0;
  if (!(await has("dockerd"))) await needDebianPackages(["docker.io"]);
  // In Debian 13 the client is a package of its own.
  if (!(await has("docker"))) await needDebianPackages(["docker-cli"]);
}

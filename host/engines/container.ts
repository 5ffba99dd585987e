import { randomBytes } from "node:crypto";
import { type CommandOptions, type CommandResult, runOrThrow } from "../command.ts";
import { onStop } from "../stopping.ts";
import type { HostEngine } from "./host-engine.ts";

/** A container that runs, or has run, until {@link Container.remove}. */
export interface Container {
  readonly name: string;
  /** Runs a command in it. Never rejects. */
  exec(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Everything it has written, both streams, in the order in which the engine got it. */
  logs(): Promise<string>;
  /** Sends SIGTERM and, when it still runs after `graceSeconds`, SIGKILL. */
  stop(graceSeconds?: number): Promise<Stop>;
  kill(signal: string): Promise<void>;
  /** Waits for its end. @returns its exit code */
  wait(limitMs?: number): Promise<number>;
  /** One value of `inspect`, by a Go template such as `{{.State.Running}}`. */
  inspect(template: string): Promise<string>;
  /** Ends it if it still runs, and removes it with everything in it. */
  remove(): Promise<void>;
}

export interface Stop {
  /** From the call until the engine says that the container has ended, in milliseconds. */
  readonly tookMs: number;
  readonly exitCode: number;
}

/** They only end a hang: a busy machine takes many times as long as an idle one. */
const COMMAND_LIMIT_MS = 180_000;
const RUN_LIMIT_MS = 240_000;

/**
 * Starts a container in the background. It is removed on Ctrl-C too.
 * @param args as `docker run` takes them: options, image, command
 */
export async function startContainer(engine: HostEngine, args: readonly string[]): Promise<Container> {
  const name = `shipshape-${process.pid}-${randomBytes(3).toString("hex")}`;
  const container = handle(engine, name);
  const forget = onStop(container.remove);
  try {
    await engine.runOrThrow(`start ${args.join(" ")}`, ["run", "--detach", "--name", name, ...args], {
      timeoutMs: RUN_LIMIT_MS,
    });
  } catch (error) {
    await container.remove();
    forget();
    throw error;
  }
  return {
    ...container,
    remove: async () => {
      await container.remove();
      forget();
    },
  };
}

/** Runs a container to its end and removes it. `stdout` and `stderr` are what its processes wrote. */
export async function runContainer(
  engine: HostEngine,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const name = `shipshape-${process.pid}-${randomBytes(3).toString("hex")}`;
  const { remove } = handle(engine, name);
  const forget = onStop(remove);
  try {
    return await engine.run(["run", "--name", name, ...args], { timeoutMs: RUN_LIMIT_MS, ...options });
  } finally {
    await remove();
    forget();
  }
}

function handle(engine: HostEngine, name: string): Container {
  const limited = { timeoutMs: COMMAND_LIMIT_MS };
  const inspect = async (template: string): Promise<string> => {
    const { stdout } = await engine.runOrThrow(`inspect ${name}`, ["inspect", "--format", template, name], limited);
    return stdout.trim();
  };
  return {
    name,
    inspect,
    exec: (command, options) => {
      const stdin = options?.input === undefined ? [] : ["--interactive"];
      return engine.run(["exec", ...stdin, name, ...command], { ...limited, ...options });
    },
    logs: async () => {
      // The client keeps the streams apart; one pipe for both keeps their order.
      const script = 'exec "$0" logs "$1" 2>&1';
      const purpose = `read the logs of ${name}`;
      const { stdout } = await runOrThrow(purpose, "sh", ["-c", script, engine.program, name], {
        ...limited,
        env: engine.env,
      });
      return stdout;
    },
    stop: async (graceSeconds = 10) => {
      const start = performance.now();
      await engine.runOrThrow(`stop ${name}`, ["stop", "--time", String(graceSeconds), name], {
        timeoutMs: graceSeconds * 1000 + COMMAND_LIMIT_MS,
      });
      return { tookMs: performance.now() - start, exitCode: Number(await inspect("{{.State.ExitCode}}")) };
    },
    kill: async (signal) => {
      await engine.runOrThrow(`send ${signal} to ${name}`, ["kill", "--signal", signal, name], limited);
    },
    wait: async (limitMs = COMMAND_LIMIT_MS) => {
      const { stdout } = await engine.runOrThrow(`wait for ${name}`, ["wait", name], { timeoutMs: limitMs });
      return Number(stdout);
    },
    remove: async () => {
      await engine.run(["rm", "--force", "--volumes", name], limited);
    },
  };
}

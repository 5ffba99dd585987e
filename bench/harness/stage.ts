import { spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Board, EVENT_LIMIT_MS, Kind } from "./board.ts";
import { type Init, librariesOf } from "./inits.ts";
import { type Process, processesIn } from "./processes.ts";
import type { Fixture, Workspace } from "./workspace.ts";

export interface StageOptions {
  /** How many services are described in `/etc/service`. */
  readonly services: number;
  /** What every service is; `service` unless told. */
  readonly fixture?: Fixture;
  /** Where the container's writable layer lies; `disk` unless told. */
  readonly storage?: "disk" | "memory";
  /** Sends TERM this long after the init's exec has succeeded. */
  readonly termAfterUs?: number;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The end of a namespace, all its processes gone: CLOCK_MONOTONIC and the init's status as wait(2) has it. */
export interface Gone {
  readonly ns: number;
  readonly status: number;
}

/** An init that runs as PID 1 of its own PID and mount namespace. Pids are those that this process sees. */
export interface Stage {
  readonly pid: number;
  /** When the init was executed, CLOCK_MONOTONIC. */
  readonly execNs: number;
  /** When TERM was sent because of `termAfterUs`. */
  readonly termNs: number | null;
  readonly board: Board;
  /** Waits for the end; `null` when it has not come after `timeoutMs`. */
  goneWithin(timeoutMs: number): Promise<Gone | null>;
  /** Sends a signal and tells when; pid 0 is the init. */
  signal(pid: number, number: number): Promise<number>;
  /** Everything in the namespace but the fixtures: what the init consists of. */
  ownProcesses(): Process[];
  /** The fixtures that run in the namespace. */
  services(): Process[];
  /** Waits until so many records of a kind are on the board. @throws after {@link EVENT_LIMIT_MS}, with the init's last words */
  reaches(kind: Kind, count: number): Promise<void>;
  /** Kills what is left. */
  close(): Promise<void>;
}

/**
 * Private mounts as a container has them: `/etc` an overlay over the image's with its upper side on the disk (or in memory),
 * `/run` a tmpfs; then the measured files' copies over the originals.
 */
function mounts(workspace: Workspace, init: Init, options: StageOptions, scratch: string): string[] {
  const lower = workspace.etc(options.services, options.fixture ?? "service");
  const own = new Set(
    init.programs.flatMap((program) => [program, ...librariesOf(program)]).map((path) => realpathSync(path)),
  );
  return [
    "mount -t tmpfs -o mode=755 tmpfs /run",
    ...(options.storage === "memory" ? [`mount -t tmpfs tmpfs '${scratch}'`] : []),
    `mkdir '${scratch}/upper' '${scratch}/work'`,
    ...[...own].map((path) => `mount --bind '${workspace.copyOf(path)}' '${path}'`),
    `mount -t overlay -o 'lowerdir=${lower},upperdir=${scratch}/upper,workdir=${scratch}/work' overlay /etc`,
    ...init.prepare(options.services),
  ];
}

/** Starts an init on a stage of its own. @throws when it cannot be executed */
export async function open(workspace: Workspace, init: Init, options: StageOptions): Promise<Stage> {
  const fixture = options.fixture ?? "service";
  const board = new Board(join(workspace.memory, init.name));
  const log = join(workspace.directory, "log", `${init.name}-${options.services}`);
  const argv = init.argv(options.services, workspace.fixture(fixture));
  const scratch = workspace.scratch();
  const script = `${mounts(workspace, init, options, scratch).join("\n")}\nexec "$@"`;
  const command = [
    "sh",
    "-euc",
    script,
    "sh",
    workspace.fixture("stage"),
    log,
    String(options.termAfterUs ?? -1),
    ...argv,
  ];
  const child = spawn("unshare", ["--mount", "--kill-child", ...command], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      BENCH_BOARD: board.path,
      ...options.environment,
    },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const waiting: ((ns: number) => void)[] = [];

  const exec = (await lines.next()).value?.split(" ");
  if (exec?.[0] !== "exec") throw new Error(`cannot start ${init.name}: ${lastWords(log) || "see above"}`);
  const termNs = options.termAfterUs === undefined ? null : Number(String((await lines.next()).value).split(" ")[1]);
  const gone = (async (): Promise<Gone> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`cannot watch ${init.name}: the stage has ended`);
      const [word, ns, status] = value.split(" ");
      if (word === "gone") return { ns: Number(ns), status: Number(status) };
      waiting.shift()?.(Number(ns));
    }
  })();
  gone.catch(() => {}); // whoever needs the end awaits it; a stage that is closed has none
  const pid = Number(exec[1]);
  const processes = () => processesIn(pid);
  const isFixture = (process: Process) => process.program === workspace.fixture(fixture);

  return {
    pid,
    execNs: Number(exec[2]),
    termNs,
    board,
    goneWithin: (timeoutMs) => Promise.race([gone, sleep(timeoutMs, null, { ref: false })]),
    signal(target, number) {
      child.stdin.write(`signal ${target} ${number}\n`);
      return new Promise((resolve) => waiting.push(resolve));
    },
    ownProcesses: () => processes().filter((process) => !isFixture(process)),
    services: () => processes().filter(isFixture),
    async reaches(kind, count) {
      if (await board.reaches(kind, count)) return;
      const seen = `${board.marks(kind).length} of ${count} had ${Kind[kind]?.toLowerCase()} after ${EVENT_LIMIT_MS} ms`;
      const said = lastWords(log) || "it said nothing";
      throw new Error(`cannot measure ${init.name} with ${options.services} services: ${seen}; ${said}`);
    },
    async close() {
      const ended = child.exitCode !== null || new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await ended;
      board.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

function lastWords(log: string): string {
  try {
    return readFileSync(log, "utf8").trimEnd().split("\n").slice(-3).join(" | ");
  } catch {
    return "";
  }
}

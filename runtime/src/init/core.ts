import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import type { Children } from "../base/children.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Messages } from "../base/messages.ts";
import type { Context } from "../supervise/context.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { Bytes, Sys } from "../sys.ts";
import type { Stage } from "./budget.ts";
import type { ContainerEnvironment } from "./container-environment.ts";
import type { LogDaemon } from "./logging/log-daemon.ts";
import type { Options } from "./options.ts";
import type { Settings } from "./settings.ts";
import type { StopRequest } from "./stop-request.ts";

/** Slot of the journal that holds {@link InitRecord}. */
export const INIT_SLOT = 0;
/** Slots that are not for services: that one, and the log daemon's. */
export const RESERVED_SLOTS = 2;

/** How far the init has come: all that it needs to go on after a crash. Pids are 0 without a process. */
export interface InitRecord {
  readonly phase: "startup" | "running" | "stopping";
  /** The startup file or hook that runs, or ran last. */
  readonly script: Bytes;
  readonly scriptPid: number;
  /** Wait status of the script that ran last. */
  readonly scriptStatus: number;
  readonly mainPid: number;
  /** Exit code of the main command, as a shell counts it, or why it could not be started; `null` while it has none. */
  readonly mainStatus: number | null;
  /** The first signal that asked for the stop, or 0. */
  readonly stopSignal: number;
  /** Monotonic milliseconds at which the shutdown began. */
  readonly stoppingSince: number;
  /** Milliseconds that all its stages have. */
  readonly stoppingMs: number;
  readonly stage: Stage;
  /** Where hooks are started: the container's working directory, once the init has left it; else `""`. */
  readonly directory: Bytes;
  /** Names of what the shutdown had to kill. */
  readonly killed: readonly Bytes[];
  /** Exit code of a container that never came up, `null` for others. */
  readonly abortCode: number | null;
  /** The socket on which `sv` is answered, or -1. */
  readonly controlFd: number;
}

export const FRESH: InitRecord = {
  phase: "startup",
  script: "",
  scriptPid: 0,
  scriptStatus: 0,
  mainPid: 0,
  mainStatus: null,
  stopSignal: 0,
  stoppingSince: 0,
  stoppingMs: 0,
  stage: "main",
  directory: "",
  killed: [],
  abortCode: null,
  controlFd: -1,
};

/** The parts of the init, which they share. */
export interface Core {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly children: Children;
  readonly messages: Messages;
  readonly journal: Journal;
  readonly options: Options;
  readonly settings: Settings;
  readonly environment: ContainerEnvironment;
  readonly supervisor: Supervisor;
  readonly log: LogDaemon;
  /** Another init serves this container: its log, its services and its shutdown hooks are left alone. */
  readonly guest: boolean;
  /** The supervisor's part of all this; its environment follows the startup files. */
  readonly context: Context;
  readonly stop: StopRequest;
  record: InitRecord;
}

/** Gives the environment of now to services, and to the next incarnation. */
export function keepEnvironment(core: Core): void {
  core.context.environment = formatEnvironBlock(core.environment.variables);
  core.journal.writeText(core.context.environment);
}

/** Writes down how far the init has come, in memory and in the journal. */
export function advance(core: Core, change: Partial<InitRecord>): void {
  core.record = { ...core.record, ...change };
  core.journal.write(INIT_SLOT, JSON.stringify(core.record));
}

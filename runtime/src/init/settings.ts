import { signalNumber } from "../../../lib/linux/signals.ts";
import { parseDurationMs } from "../../../lib/text/duration.ts";
import type { BackoffSettings } from "../supervise/backoff.ts";
import type { Bytes } from "../sys.ts";

/** What variables tell the init, read once at its start. */
export interface Settings {
  /** `KILL_PROCESS_TIMEOUT`: how long one process may take to end, at most. */
  readonly killProcessMs: number;
  /** `KILL_ALL_PROCESSES_TIMEOUT`: how long all that is left may take, at most. */
  readonly killAllMs: number;
  /** `SHUTDOWN_TIMEOUT`: the budget that all stages of the shutdown share. */
  readonly shutdownMs: number;
  /** `ENV_INIT_DIRECTORY`: where the startup files are. */
  readonly initDirectory: Bytes;
  /** `STOP_SIGNAL`: one more signal that starts the shutdown, or 0. */
  readonly stopSignal: number;
  /** `SERVICE_BACKOFF`, `SERVICE_BACKOFF_MAX`, `SERVICE_BACKOFF_RESET`. */
  readonly backoff: BackoffSettings;
}

/** Docker kills after 10 s, Kubernetes after 30 s; both leave a second for the engine, and two for its slower stops. */
const SHUTDOWN_MS = 9_000;
const SHUTDOWN_KUBERNETES_MS = 28_000;

/** Reads the settings; `warn` hears of each value that cannot be used, and its default counts. */
export function readSettings(variables: ReadonlyMap<Bytes, Bytes>, warn: (message: Bytes) => void): Settings {
  const duration = (name: Bytes, defaultMs: number): number => {
    const text = variables.get(name);
    const ms = text === undefined ? defaultMs : parseDurationMs(text);
    if (ms !== null) return ms;
    warn(`${name}="${text}" is no duration (like 5, 2.5, 5s, 500ms, 1m): using ${defaultMs / 1000} s`);
    return defaultMs;
  };
  const stopName = variables.get("STOP_SIGNAL");
  const stopSignal = stopName === undefined ? 0 : signalNumber(stopName);
  if (stopSignal === null) warn(`STOP_SIGNAL="${stopName}" is no signal: TERM and INT stop the container`);
  return {
    killProcessMs: duration("KILL_PROCESS_TIMEOUT", 30_000),
    killAllMs: duration("KILL_ALL_PROCESSES_TIMEOUT", 30_000),
    shutdownMs: duration(
      "SHUTDOWN_TIMEOUT",
      variables.has("KUBERNETES_SERVICE_HOST") ? SHUTDOWN_KUBERNETES_MS : SHUTDOWN_MS,
    ),
    initDirectory: variables.get("ENV_INIT_DIRECTORY") || "/etc/my_init.d",
    stopSignal: stopSignal ?? 0,
    backoff: {
      firstMs: duration("SERVICE_BACKOFF", 1_000),
      maxMs: duration("SERVICE_BACKOFF_MAX", 60_000),
      resetAfterMs: duration("SERVICE_BACKOFF_RESET", 60_000),
    },
  };
}

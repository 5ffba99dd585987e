import { Signal, signalNumber } from "../../../lib/linux/signals.ts";
import { parseDecimal } from "../../../lib/text/decimal.ts";
import { formatDuration, parseDurationMs } from "../../../lib/text/duration.ts";
import { readSettings, type SettingTable } from "../../../lib/text/settings.ts";
import type { BackoffSettings } from "../supervise/backoff.ts";
import type { Bytes } from "../sys.ts";
import type { StopTimes } from "./budget.ts";

/** Settings of the init, read once at its start. */
export interface Settings {
  readonly stopTimes: StopTimes;
  /** Directory of the startup files. */
  readonly initDirectory: Bytes;
  /** One more signal that starts the shutdown, or 0. */
  readonly stopSignal: number;
  readonly backoff: BackoffSettings;
}

/** Docker kills after 10 s, Kubernetes after 30 s; both leave a second for the engine, and two for its slower stops. */
const SHUTDOWN_MS = 9_000;
const SHUTDOWN_KUBERNETES_MS = 28_000;
/** A larger number without a unit is one of milliseconds, which the application means. */
const MAX_BARE_SECONDS = 600;

/** The table's settings, with the times of a stop and of the back-off beside each other. */
type Flat = Omit<StopTimes, "defaultMs"> & BackoffSettings & Pick<Settings, "initDirectory" | "stopSignal">;

const DURATION = "a duration (like 5, 2.5, 5s, 500ms, 1m)";
const SHORT = `a duration (like 5, 2.5, 5s, 500ms, 1m; a number above ${MAX_BARE_SECONDS} needs its unit)`;

export const INIT_SETTINGS: SettingTable<Flat> = {
  KILL_PROCESS_TIMEOUT: { member: "killProcessMs", form: DURATION, read: parseDuration, original: true },
  KILL_ALL_PROCESSES_TIMEOUT: { member: "killAllMs", form: DURATION, read: parseDuration, original: true },
  ENV_INIT_DIRECTORY: { member: "initDirectory", form: "a path", read: (text) => text || undefined, original: true },
  SHUTDOWN_TIMEOUT: { member: "shutdownMs", form: SHORT, read: parseShort },
  STOP_SIGNAL: { member: "stopSignal", form: "a signal that can stop a container", read: parseStopSignal },
  SERVICE_BACKOFF: { member: "firstMs", form: SHORT, read: parseShort },
  SERVICE_BACKOFF_MAX: { member: "maxMs", form: SHORT, read: parseShort },
  SERVICE_BACKOFF_RESET: { member: "resetAfterMs", form: SHORT, read: parseShort },
};

const DEFAULTS: Flat = {
  shutdownMs: null,
  killProcessMs: null,
  killAllMs: null,
  initDirectory: "/etc/my_init.d",
  stopSignal: 0,
  firstMs: 1_000,
  maxMs: 60_000,
  resetAfterMs: 60_000,
};

/** Reads the settings; `warn` gets a line for each value that cannot be used, whose default counts. */
export function readInitSettings(variables: ReadonlyMap<Bytes, Bytes>, warn: (message: Bytes) => void): Settings {
  const source = { from: "the environment", values: variables, shared: true };
  const flat = readSettings(DEFAULTS, INIT_SETTINGS, [source], warn);
  const { shutdownMs, killProcessMs, killAllMs, initDirectory, stopSignal, firstMs, maxMs, resetAfterMs } = flat;
  const caps = { KILL_PROCESS_TIMEOUT: killProcessMs, KILL_ALL_PROCESSES_TIMEOUT: killAllMs };
  for (const [name, ms] of Object.entries(caps)) {
    if (shutdownMs !== null && ms !== null && ms > shutdownMs)
      warn(`${name} is longer than SHIPSHAPE_SHUTDOWN_TIMEOUT: the whole stop has ${formatDuration(shutdownMs)}`);
  }
  const defaultMs = variables.has("KUBERNETES_SERVICE_HOST") ? SHUTDOWN_KUBERNETES_MS : SHUTDOWN_MS;
  return {
    stopTimes: { shutdownMs, killProcessMs, killAllMs, defaultMs },
    initDirectory,
    stopSignal,
    backoff: { firstMs, maxMs, resetAfterMs },
  };
}

/** Reads the name or number of a signal that can reach the init and may stop the container; `undefined` for another text. */
export function parseStopSignal(text: Bytes): number | undefined {
  const number = signalNumber(text) ?? 0;
  return number === 0 || NEVER_STOP.includes(number) ? undefined : number;
}

/** Signals that nobody can receive, or that mean something else to the init: its children, its watches, its own faults. */
const NEVER_STOP: readonly number[] = [
  Signal.KILL,
  Signal.STOP,
  Signal.CHLD,
  Signal.IO,
  Signal.PIPE,
  Signal.SEGV,
  Signal.BUS,
  Signal.ABRT,
  Signal.ILL,
  Signal.FPE,
];

function parseDuration(text: Bytes): number | undefined {
  return parseDurationMs(text) ?? undefined;
}

function parseShort(text: Bytes): number | undefined {
  return (parseDecimal(text) ?? 0) > MAX_BARE_SECONDS ? undefined : parseDuration(text);
}

import { formatEnvironBlock, parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { Children } from "../base/children.ts";
import { HEALTHY_AFTER_MS, Journal } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import { Messages } from "../base/messages.ts";
import { OutOfMemory } from "../base/out-of-memory.ts";

import { SERVICE_DIRECTORY } from "../base/places.ts";

import { explainCall } from "../base/refusal.ts";

import type { Context } from "../supervise/context.ts";
import { serveControl } from "../supervise/control-server.ts";
import { LeftBehind } from "../supervise/left-behind.ts";
import type { ServiceRecord } from "../supervise/service.ts";
import { Supervisor } from "../supervise/supervisor.ts";
import type { Sys } from "../sys.ts";
import { ContainerEnvironment } from "./container-environment.ts";
import { advance, type Core, FRESH, INIT_SLOT, type InitRecord, keepEnvironment, RESERVED_SLOTS } from "./core.ts";
import { LOG_SLOT, LogDaemon, type LogRecord, takeSocketRecords } from "./logging/log-daemon.ts";
import { adoptMain, startMain } from "./main-command.ts";
import type { Options } from "./options.ts";
import { isServedAlready } from "./other-init.ts";
import { adoptScript, type Running } from "./scripts.ts";
import { readInitSettings } from "./settings.ts";
import { Shutdown } from "./shutdown.ts";
import { Signals } from "./signals.ts";
import { removeStalePidFiles } from "./stale-pid-files.ts";
import { startUp } from "./startup.ts";
import { StopRequest } from "./stop-request.ts";
import { leaveDirectory } from "./working-directory.ts";

/** @see getrlimit(2) */
const RLIMIT_NOFILE = 7;

/** A running init: its event loop, and the life of the container as a promise of its exit code. */
export function startInit(sys: Sys, options: Options): { loop: Loop; life: Promise<number> } {
  let signals: Signals | null = null;
  let messages: Messages | null = null;
  const loop: Loop = new Loop(
    sys,
    (signal) => signals?.handle(signal),
    (error) => messages?.warn(`a fault in the init, which goes on: ${describe(error)}`),
  );
  messages = new Messages(sys, loop, options.quiet);
  const core = assemble(sys, loop, messages, options);
  signals = new Signals(core);
  return { loop, life: live(core, signals) };
}

function assemble(sys: Sys, loop: Loop, messages: Messages, options: Options): Core {
  const { journal, records } = Journal.open(sys, RESERVED_SLOTS);
  const resumed = records.get(INIT_SLOT) as InitRecord | undefined;
  const resumedLog = records.get(LOG_SLOT) as LogRecord | undefined;
  records.delete(INIT_SLOT);
  records.delete(LOG_SLOT);
  const sockets = takeSocketRecords(records);
  if (sys.resumeFd >= 0) messages.warn("The init has started itself again after a crash; services were taken over.");
  const adopts = sys.setSubreaper();
  if (adopts < 0 && sys.getpid() !== 1)
    messages.warn(`orphans go to PID 1, not to my_init: ${explainCall(sys, "prctl", adopts)}`);
  // Every log has a pipe here; programs are started with the limits that the container was given.
  const { hard } = sys.getrlimit(RLIMIT_NOFILE);
  sys.setrlimit(RLIMIT_NOFILE, hard, hard);
  loop.after(HEALTHY_AFTER_MS, () => journal.healthy());

  const environment = new ContainerEnvironment(sys, messages, parseEnvironBlock(sys.environ));
  const kept = journal.readText();
  if (kept !== null) environment.variables = parseEnvironBlock(kept);
  else environment.begin();
  const settings = readInitSettings(environment.variables, (text) => messages.warn(text));
  const children = new Children(sys, loop, journal.last.reaped);
  const log = new LogDaemon({ sys, loop, children, messages, journal, environment }, resumedLog, sockets);
  const context: Context = {
    sys,
    loop,
    children,
    journal,
    messages,
    output: log,
    outOfMemory: new OutOfMemory(sys),
    leftBehind: new LeftBehind(sys, loop, messages),
    backoff: settings.backoff,
    directory: SERVICE_DIRECTORY,
    environment: formatEnvironBlock(environment.variables),
  };
  const supervisor = new Supervisor(context, records as Map<number, ServiceRecord>);
  const record = resumed ?? FRESH;
  return {
    sys,
    loop,
    children,
    messages,
    journal,
    options,
    settings,
    environment,
    supervisor,
    log,
    context,
    record,
    stop: new StopRequest(record.stopSignal),
    guest: isServedAlready(sys),
  };
}

/** The container's life from its start to its exit code, or from where the previous incarnation was. */
async function live(core: Core, signals: Signals): Promise<number> {
  // All that was taken over is known before anything is reaped, and anything dead is reaped before anything is waited for.
  if (!core.guest) core.log.start();
  const script = adoptScript(core);
  let main = adoptMain(core);
  core.supervisor.takeOver();
  core.children.reap();
  signals.takeOver();
  if (core.record.abortCode !== null) return abort(core, core.record.abortCode);
  if (core.record.phase === "startup") {
    removeStalePidFiles(core.sys, core.messages);
    const outcome = await startUp(core, script);
    if (outcome !== "done") return abort(core, outcome === "failed" ? 1 : 128 + core.stop.signal);
    keepEnvironment(core);
    core.log.environmentChanged();
    advance(core, { phase: "running" });
  }
  if (!core.options.skipServices) serveServices(core);
  const wanted = core.options.mainCommand.length > 0 && core.record.mainStatus === null;
  if (wanted && main === null && core.record.phase === "running") main = startMain(core);
  leaveDirectory(core);
  if (core.record.phase === "running") await end(core, main);
  const cleanly = await new Shutdown(core, script).run(main);
  return core.record.mainStatus ?? (cleanly ? 0 : 1);
}

function serveServices(core: Core): void {
  // Before the first of them runs: a service may ask for another with sv.
  advance(core, { controlFd: serveControl(core.context, core.supervisor, core.record.controlFd) });
  if (core.record.phase === "running") core.supervisor.start();
}

/** Waits for the end of the main command, or a stop signal. */
async function end(core: Core, main: Running | null): Promise<void> {
  if (core.record.mainStatus !== null) return;
  await Promise.race(main === null ? [core.stop.requested] : [core.stop.requested, main.ended]);
}

/** The end of a container that never came up: no hooks, no services, only what startup files left behind. */
async function abort(core: Core, code: number): Promise<number> {
  advance(core, { abortCode: code });
  await new Shutdown(core).abort();
  core.messages.warn("Init system aborted.");
  return code;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
}

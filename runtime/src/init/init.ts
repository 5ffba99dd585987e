import { formatEnvironBlock, parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { Children } from "../base/children.ts";
import { Journal } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import { Messages } from "../base/messages.ts";
import { OutOfMemory } from "../base/out-of-memory.ts";
import { explainCall } from "../base/refusal.ts";
import type { Context } from "../supervise/context.ts";
import { serveControl } from "../supervise/control-server.ts";
import type { ServiceRecord } from "../supervise/service.ts";
import { Supervisor } from "../supervise/supervisor.ts";
import type { Sys } from "../sys.ts";
import { ContainerEnvironment } from "./container-environment.ts";
import { advance, type Core, FRESH, INIT_SLOT, type InitRecord } from "./core.ts";
import { LOG_SLOT, LogDaemon, type LogRecord, takeSocketRecords } from "./logging/log-daemon.ts";
import { adoptMain, startMain } from "./main-command.ts";
import type { Options } from "./options.ts";
import { isServedAlready } from "./other-init.ts";
import { adopt, type Running } from "./scripts.ts";
import { readSettings } from "./settings.ts";
import { Shutdown } from "./shutdown.ts";
import { Signals } from "./signals.ts";
import { startUp } from "./startup.ts";
import { StopRequest } from "./stop-request.ts";

/** An incarnation that lived this long is sound: if it crashes, it is started again in place as often as a new one. */
const HEALTHY_AFTER_MS = 10_000;
/** @see getrlimit(2) */
const RLIMIT_NOFILE = 7;
const SERVICE_DIRECTORY = "/etc/service";

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
  return { loop, life: live(core) };
}

function assemble(sys: Sys, loop: Loop, messages: Messages, options: Options): Core {
  const { journal, records } = Journal.open(sys);
  const resumed = records.get(INIT_SLOT) as InitRecord | undefined;
  const resumedLog = records.get(LOG_SLOT) as LogRecord | undefined;
  if (resumed === undefined) for (const _ of [INIT_SLOT, LOG_SLOT]) journal.allocate();
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
  const settings = readSettings(environment.variables, (text) => messages.warn(text));
  const children = new Children(sys, loop);
  const log = new LogDaemon({ sys, loop, children, messages, journal, environment }, resumedLog, sockets);
  const context: Context = {
    sys,
    loop,
    children,
    journal,
    messages,
    output: log,
    outOfMemory: new OutOfMemory(sys),
    backoff: settings.backoff,
    directory: SERVICE_DIRECTORY,
    environment: formatEnvironBlock(environment.variables),
  };
  const supervisor = new Supervisor(context, records as Map<number, ServiceRecord>);
  const record = resumed ?? FRESH;
  return {
    ...{ sys, loop, children, messages, journal, options, settings, environment, supervisor, log, context, record },
    stop: new StopRequest(record.stopSignal),
    guest: isServedAlready(sys),
  };
}

/** The container's life from its start to its exit code, or from where an earlier incarnation had got to. */
async function live(core: Core): Promise<number> {
  if (!core.guest) core.log.start();
  if (core.record.phase === "startup") {
    const outcome = await startUp(core);
    if (outcome !== "done") return abort(core, outcome === "failed" ? 1 : 128 + core.stop.signal);
    keepEnvironment(core);
    core.log.environmentChanged();
    advance(core, { phase: "running" });
  }
  if (!core.options.skipServices) serveServices(core);
  const main = core.record.mainPid > 0 ? adoptMain(core, core.record.mainPid) : startOnce(core);
  const hook = core.record.scriptPid > 0 ? adopt(core, core.record.script, core.record.scriptPid) : null;
  // Whatever died unseen while this incarnation started; all that was taken over has to be known by now.
  core.children.reap();
  if (core.record.phase === "running") await end(core, main);
  const cleanly = await new Shutdown(core, hook).run(typeof main === "number" ? null : main);
  if (typeof main === "number") return main;
  return core.record.mainStatus ?? (cleanly ? 0 : 1);
}

function serveServices(core: Core): void {
  // Before the first of them runs: a service may ask for another with sv.
  advance(core, { controlFd: serveControl(core.context, core.supervisor, core.record.controlFd) });
  if (core.record.phase === "running") core.supervisor.start();
}

/** Starts the main command unless there is none or it has run already (`null`); a number is why it cannot run. */
function startOnce(core: Core): Running | number | null {
  const due = core.options.mainCommand.length > 0 && core.record.mainStatus === null && core.record.phase === "running";
  return due ? startMain(core) : null;
}

/** Waits for what ends the container's life: its main command's end, or a stop signal. */
async function end(core: Core, main: Running | number | null): Promise<void> {
  if (typeof main === "number" || core.record.mainStatus !== null) return;
  await Promise.race(main === null ? [core.stop.requested] : [core.stop.requested, main.ended]);
}

function keepEnvironment(core: Core): void {
  core.context.environment = formatEnvironBlock(core.environment.variables);
  core.journal.writeText(core.context.environment);
}

/** The end of a container that never came up: no hooks, no services, only what startup files left behind. */
async function abort(core: Core, code: number): Promise<number> {
  await new Shutdown(core).abort();
  core.messages.warn("Init system aborted.");
  return code;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
}

import { isExecutable } from "../base/files.ts";
import type { Bytes } from "../sys.ts";
import { type Counts, longest, planStop, stageEnd } from "./budget.ts";
import { advance, type Core, keepEnvironment } from "./core.ts";
import { failure, type Running, scriptsIn, startScript } from "./scripts.ts";
import { impatientBudget, stopProcess } from "./stop-process.ts";

const INSECURE_KEY_PROGRAM = "/usr/sbin/enable_insecure_key";
const RC_LOCAL = "/etc/rc.local";
/** What is to be ended when a startup file is told to stop: itself, in the place of the main command, and what it leaves. */
const LEFT: Counts = { main: 1, all: 1 };

/** `stopped`: a signal came before all had run. */
export type StartupOutcome = "done" | "failed" | "stopped";

/**
 * Runs the startup files one after another, then `/etc/rc.local`; the environment directory is read again after each.
 * @param adopted the one that the previous incarnation started, or `null`
 */
export async function startUp(core: Core, adopted: Running | null): Promise<StartupOutcome> {
  const { script, scriptStatus } = core.record;
  if (script !== "") {
    // The script that runs or ran last, perhaps in the previous incarnation: its outcome may be still unknown.
    const running = adopted ?? { path: script, pid: 0, ended: Promise.resolve(scriptStatus) };
    const outcome = await finish(core, running);
    if (outcome !== "done") return outcome;
  }
  const paths = startupFiles(core);
  // -1 when nothing ran yet: then all are left.
  for (const path of paths.slice(paths.indexOf(script) + 1)) {
    if (core.stop.count > 0) return "stopped";
    const script = startScript(core, path);
    const outcome = script === null ? "failed" : await finish(core, script);
    if (outcome !== "done") return outcome;
  }
  return core.stop.count > 0 ? "stopped" : "done";
}

function startupFiles(core: Core): Bytes[] {
  const { options, settings, sys } = core;
  const paths = options.enableInsecureKey ? [INSECURE_KEY_PROGRAM] : [];
  if (options.skipStartupFiles) return paths;
  paths.push(...scriptsIn(core, settings.initDirectory));
  if (isExecutable(sys, RC_LOCAL)) paths.push(RC_LOCAL);
  else if (typeof sys.stat(RC_LOCAL) !== "number")
    core.messages.warn(`${RC_LOCAL} is not run: it is not executable (chmod +x ${RC_LOCAL})`);
  return paths;
}

async function finish(core: Core, script: Running): Promise<StartupOutcome> {
  await Promise.race([script.ended, core.stop.requested]);
  if (core.record.scriptPid > 0 && core.stop.count > 0) {
    const since = core.record.stoppingSince || core.loop.now();
    const { stopTimes } = core.settings;
    const plan = planStop(stopTimes, LEFT);
    advance(core, { stoppingSince: since, stoppingMs: plan.totalMs, stopSignal: core.stop.signal });
    const budget = impatientBudget(core, since, plan.totalMs);
    // What the script leaves behind is ended in the same budget, before the engine's patience ends.
    const capAt = since + longest("main", stopTimes);
    const endAt = () => Math.min(stageEnd("main", plan, budget.startedAt, budget.ms), capAt);
    await stopProcess(core, script, budget, endAt);
    return "stopped";
  }
  const problem = failure(await script.ended);
  // It may have ended of a signal that came for it before a crash of the init.
  if (problem !== null && core.stop.count > 0) return "stopped";
  if (problem !== null) {
    core.messages.warn(`${script.path} ${problem}`);
    return "failed";
  }
  core.environment.reload();
  keepEnvironment(core);
  return "done";
}

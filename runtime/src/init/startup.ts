import { isExecutable } from "../base/files.ts";
import type { Bytes } from "../sys.ts";
import { type Stage, stageEnd } from "./budget.ts";
import { advance, type Core } from "./core.ts";
import { adopt, failure, type Running, scriptsIn, startScript } from "./scripts.ts";
import { impatientBudget, stopProcess } from "./stop-process.ts";

const INSECURE_KEY_PROGRAM = "/usr/sbin/enable_insecure_key";
const RC_LOCAL = "/etc/rc.local";
/** What is to be ended when a startup file is told to stop: itself, in the place of the main command, and what it leaves. */
const LEFT: ReadonlySet<Stage> = new Set(["main", "all"]);

/** `stopped`: a signal came before all had run. */
export type StartupOutcome = "done" | "failed" | "stopped";

/** Runs the startup files one after another, then `/etc/rc.local`; the environment directory is read again after each. */
export async function startUp(core: Core): Promise<StartupOutcome> {
  const interrupted = core.record.script;
  if (core.record.scriptPid > 0) {
    const outcome = await finish(core, adopt(core, interrupted, core.record.scriptPid));
    if (outcome !== "done") return outcome;
  }
  const paths = startupFiles(core);
  // -1 when nothing ran yet: then all are left.
  for (const path of paths.slice(paths.indexOf(interrupted) + 1)) {
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
    advance(core, { stoppingSince: since, stopSignal: core.stop.signal });
    const { killProcessMs, shutdownMs } = core.settings;
    const budget = impatientBudget(core, since, shutdownMs);
    // What the script leaves behind is ended in the same budget, before the engine's patience ends.
    const endAt = () => Math.min(stageEnd("main", LEFT, budget.startedAt, budget.ms), since + killProcessMs);
    await stopProcess(core, script, budget, endAt);
    return "stopped";
  }
  const problem = failure(await script.ended);
  if (problem !== null) {
    core.messages.warn(`${script.path} ${problem}`);
    return "failed";
  }
  core.environment.reload();
  return "done";
}

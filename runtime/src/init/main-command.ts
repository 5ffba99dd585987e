import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, shellStatus, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { DEFAULT_PATH, explain, findProgram, spawnAsShell } from "../base/programs.ts";
import { type Bytes, Errno, SpawnFlag } from "../sys.ts";
import { advance, type Core } from "./core.ts";
import { followChild, type Running } from "./scripts.ts";

/** The name of its start in the journal. */
const INTENT = "main command";

/** Starts the main command; `null`, with a warning and a shell's exit code (126, 127) in the record, when it cannot be started. */
export function startMain(core: Core): Running | null {
  const { sys, messages, environment, options } = core;
  const [name = "", ...args] = options.mainCommand;
  messages.info(`Running ${options.mainCommand.join(" ")}...`);
  const path = findProgram(sys, name, environment.variables.get("PATH") ?? DEFAULT_PATH);
  if (path === 127) {
    const why = name === "" ? "its name is empty" : "it is in no directory of PATH";
    messages.warn(`cannot run ${name || '""'}: ${name.includes("/") ? "there is no such file" : why}`);
    return failed(core, 127);
  }
  if (path === 126) {
    const why = name.includes("/") ? explain(sys, name, Errno.EACCES) : "it is in PATH, but may not be executed";
    messages.warn(`cannot run ${name}: ${why}`);
    return failed(core, 126);
  }
  core.journal.intend(INTENT);
  const pid = spawnAsShell(
    sys,
    {
      path,
      argv: [name, ...args],
      env: formatEnvironBlock(environment.variables),
      // Its own group, in our session and in front: Ctrl-C is for it and not for the init.
      flags: SpawnFlag.Group | SpawnFlag.Foreground,
    },
    (text) => messages.warn(text),
  );
  if (pid < 0) {
    messages.warn(`cannot run ${name}: ${explain(sys, path, -pid)}`);
    return failed(core, 126);
  }
  advance(core, { mainPid: pid });
  return follow(core, pid, false);
}

/** Takes over the main command that the previous incarnation started; `null` when there is none. */
export function adoptMain(core: Core): Running | null {
  const { intent, pid } = core.journal.last.started;
  const { mainPid, mainStatus } = core.record;
  if (intent === INTENT && pid > 0 && mainPid === 0 && mainStatus === null) advance(core, { mainPid: pid });
  return core.record.mainPid > 0 ? follow(core, core.record.mainPid, true) : null;
}

function follow(core: Core, pid: number, adopted: boolean): Running {
  const path = core.options.mainCommand[0] ?? "";
  return followChild(core, path, pid, adopted, (status) => {
    advance(core, { mainPid: 0, mainStatus: shellStatus(status) });
    reportEnd(core, path, status);
  });
}

function failed(core: Core, exitCode: number): null {
  advance(core, { mainStatus: exitCode });
  return null;
}

function reportEnd({ messages, context }: Core, path: Bytes, status: WaitStatus): void {
  const signal = exitSignal(status);
  if (signal === 0) {
    messages.info(`${path} exited with status ${exitCode(status)}.`);
    return;
  }
  messages.warn(
    `${path} was killed by ${signalName(signal)}${context.outOfMemory.cause(signal)}: status ${128 + signal}.`,
  );
}

import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, shellStatus, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { explain, findProgram, spawnAsShell } from "../base/programs.ts";
import { type Bytes, Errno, SpawnFlag } from "../sys.ts";
import { advance, type Core } from "./core.ts";
import type { Running } from "./scripts.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The main command, running; or a shell's exit code for why it could not be started (126, 127), which has been said. */
export function startMain(core: Core): Running | number {
  const { sys, messages, environment, options } = core;
  const [name = "", ...args] = options.mainCommand;
  messages.info(`Running ${options.mainCommand.join(" ")}...`);
  const path = findProgram(sys, name, environment.variables.get("PATH") ?? DEFAULT_PATH);
  if (path === 127) {
    const why = name === "" ? "its name is empty" : "it is in no directory of PATH";
    messages.warn(`cannot run ${name || '""'}: ${name.includes("/") ? "there is no such file" : why}`);
    return 127;
  }
  if (path === 126) {
    const why = name.includes("/") ? explain(sys, name, Errno.EACCES) : "it is in PATH, but may not be executed";
    messages.warn(`cannot run ${name}: ${why}`);
    return 126;
  }
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
    return 126;
  }
  advance(core, { mainPid: pid });
  return adoptMain(core, pid);
}

/** Follows the main command to its end, which it tells; it may have been started by an earlier incarnation. */
export function adoptMain(core: Core, pid: number): Running {
  const path = core.options.mainCommand[0] ?? "";
  const ended = core.children.exitOf(pid).then((status) => {
    advance(core, { mainPid: 0, mainStatus: shellStatus(status) });
    tellEnd(core, path, status);
    return status;
  });
  return { path, pid, ended };
}

function tellEnd({ messages, context }: Core, path: Bytes, status: WaitStatus): void {
  const signal = exitSignal(status);
  if (signal === 0) {
    messages.info(`${path} exited with status ${exitCode(status)}.`);
    return;
  }
  messages.warn(
    `${path} was killed by ${signalName(signal)}${context.outOfMemory.cause(signal)}: status ${128 + signal}.`,
  );
}

import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawnAsShell } from "../base/programs.ts";
import { type Bytes, Errno, Mode } from "../sys.ts";
import { advance, type Core } from "./core.ts";

/** A link to this file masks a script, as in systemd. */
const MASK = "/dev/null";

/**
 * Paths of the files in `directory` that are to be run, in the order of their names' bytes; links are followed. What is there
 * and cannot be run is named in a warning, unless it is masked by a link to `/dev/null`. No directory is no files.
 */
export function scriptsIn(core: Core, directory: Bytes): Bytes[] {
  const { sys, messages } = core;
  const names = sys.readdir(directory);
  if (typeof names === "number") {
    if (names !== -Errno.ENOENT)
      messages.warn(`cannot read ${directory}: ${sys.strerror(-names)}; nothing of it is run`);
    return [];
  }
  return names
    .sort()
    .map((name) => `${directory}/${name}`)
    .filter((path) => {
      if (isExecutable(sys, path)) return true;
      if (sys.realpath(path) === MASK) return false;
      messages.warn(`${path} is not run: ${whyNotRun(core, path)}`);
      return false;
    });
}

function whyNotRun({ sys }: Core, path: Bytes): string {
  const stat = sys.stat(path);
  if (stat === -Errno.ENOENT) return "it is a link to nothing";
  if (typeof stat === "number") return sys.strerror(-stat);
  const type = stat.mode & Mode.TypeMask;
  if (type === Mode.Directory) return "it is a directory";
  return type === Mode.Regular ? `it is not executable (chmod +x ${path})` : "it is not a regular file";
}

/** A script that runs: its process and its end. */
export interface Running {
  readonly path: Bytes;
  readonly pid: number;
  readonly ended: Promise<WaitStatus>;
}

/** Starts a script in the container's environment; `null` when it cannot be started, which is said. */
export function startScript(core: Core, path: Bytes): Running | null {
  const { sys, messages } = core;
  messages.info(`Running ${path}...`);
  const env = formatEnvironBlock(core.environment.variables);
  const pid = spawnAsShell(sys, { path, argv: [path], env }, (text) => messages.warn(text));
  if (pid < 0) {
    messages.warn(`cannot run ${path}: ${explain(sys, path, -pid)}`);
    return null;
  }
  advance(core, { script: path, scriptPid: pid });
  return adopt(core, path, pid);
}

/** The script that an earlier incarnation started, or this one just did. */
export function adopt(core: Core, path: Bytes, pid: number): Running {
  const ended = core.children.exitOf(pid).then((status) => {
    advance(core, { scriptPid: 0 });
    return status;
  });
  return { path, pid, ended };
}

/** `failed with status 3` or `failed with status 137: killed by SIGKILL`; `null` for success. */
export function failure(status: WaitStatus): string | null {
  if (status === 0) return null;
  const signal = exitSignal(status);
  return signal > 0
    ? `failed with status ${128 + signal}: it was killed by ${signalName(signal)}`
    : `failed with status ${exitCode(status)}`;
}

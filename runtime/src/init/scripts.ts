import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawnAsShell } from "../base/programs.ts";
import { type Bytes, Errno, Mode } from "../sys.ts";
import { advance, type Core } from "./core.ts";
import { workingDirectory } from "./working-directory.ts";

/** A link to this file masks a script, as in systemd. */
const MASK = "/dev/null";

/**
 * Returns the paths of the files in `directory` that are to be run, in the order of their names' bytes; links are followed. A warning
 * names each entry that cannot be run, unless it is masked by a link to `/dev/null`. No directory is no files.
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

/** A process that runs, and its end. */
export interface Running {
  readonly path: Bytes;
  readonly pid: number;
  readonly ended: Promise<WaitStatus>;
}

/** Starts a script in the container's environment; `null`, with a warning, when it cannot be started. */
export function startScript(core: Core, path: Bytes): Running | null {
  const { sys, messages } = core;
  messages.info(`Running ${path}...`);
  const env = formatEnvironBlock(core.environment.variables);
  core.journal.intend(`script ${path}`);
  const pid = spawnAsShell(sys, { path, argv: [path], env, cwd: workingDirectory(core) }, (text) =>
    messages.warn(text),
  );
  if (pid < 0) {
    messages.warn(`cannot run ${path}: ${explain(sys, path, -pid)}`);
    return null;
  }
  advance(core, { script: path, scriptPid: pid });
  return follow(core, path, pid, false);
}

/** Takes over the script that the previous incarnation started; `null` when there is none. */
export function adoptScript(core: Core): Running | null {
  const { intent, pid } = core.journal.last.started;
  const path = intent.slice("script ".length);
  if (pid > 0 && intent === `script ${path}` && path !== core.record.script)
    advance(core, { script: path, scriptPid: pid });
  const { script, scriptPid } = core.record;
  return scriptPid > 0 ? follow(core, script, scriptPid, true) : null;
}

function follow(core: Core, path: Bytes, pid: number, adopted: boolean): Running {
  return followChild(core, path, pid, adopted, (status) => advance(core, { scriptPid: 0, scriptStatus: status }));
}

/** Follows a child to its end. @param note writes the end down, before anything else can happen */
export function followChild(
  core: Core,
  path: Bytes,
  pid: number,
  adopted: boolean,
  note: (status: WaitStatus) => void,
): Running {
  const ended = new Promise<WaitStatus>((resolve) => {
    const parent = {
      exited(_: number, status: WaitStatus) {
        note(status);
        resolve(status);
      },
    };
    if (adopted) core.children.adopt(pid, parent);
    else core.children.add(pid, parent);
  });
  return { path, pid, ended };
}

/** Describes a failure: `failed with status 3` or `failed with status 137: killed by SIGKILL`; `null` for success. */
export function failure(status: WaitStatus): string | null {
  if (status === 0) return null;
  const signal = exitSignal(status);
  return signal > 0
    ? `failed with status ${128 + signal}: it was killed by ${signalName(signal)}`
    : `failed with status ${exitCode(status)}`;
}

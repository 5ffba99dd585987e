import { parseDecimal } from "../../../lib/text/decimal.ts";
import { readFile } from "../base/files.ts";
import type { Messages } from "../base/messages.ts";
import { type Bytes, Mode, type Sys } from "../sys.ts";

const RUN = "/run";
/** Digits of a pid, and a newline. */
const MAX_PID_BYTES = 32;
const MAX_MOUNTS_BYTES = 1 << 20;

/**
 * Removes the pid files in `/run` that an earlier life of the container left: after `docker kill` and `docker start` they name pids
 * that belong to other processes now, and daemons such as dbus refuse to start for them. Does nothing unless this process is PID 1 of a
 * new PID namespace, in which no such pid can be right, and `/run` is the container's own: a mount may hold files of others.
 */
export function removeStalePidFiles(sys: Sys, messages: Messages): void {
  if (sys.getpid() !== 1 || sys.resumeFd >= 0 || sys.realpath(RUN) !== RUN || isMountPoint(sys, RUN)) return;
  const removed = pidFiles(sys, RUN, 1).filter((path) => sys.unlink(path) === 0);
  if (removed.length > 0) messages.info(`Removed pid files of an earlier life of the container: ${removed.join(" ")}`);
}

/** Paths of regular files named `pid` or `NAME.pid` that hold a number, down to `depth` directories below. */
function pidFiles(sys: Sys, directory: Bytes, depth: number): Bytes[] {
  const names = sys.readdir(directory);
  if (typeof names === "number") return [];
  return names.sort().flatMap((name) => {
    const path = `${directory}/${name}`;
    const stat = sys.lstat(path);
    if (typeof stat === "number") return [];
    const type = stat.mode & Mode.TypeMask;
    if (type === Mode.Directory) return depth > 0 ? pidFiles(sys, path, depth - 1) : [];
    if (type !== Mode.Regular || (name !== "pid" && !name.endsWith(".pid")) || stat.size > MAX_PID_BYTES) return [];
    const content = readFile(sys, path, MAX_PID_BYTES);
    return typeof content === "string" && parseDecimal(content.trim()) !== null ? [path] : [];
  });
}

/** Whether something is mounted at a path; true when that cannot be read. @see proc_pid_mountinfo(5) */
function isMountPoint(sys: Sys, path: Bytes): boolean {
  const mounts = readFile(sys, "/proc/self/mountinfo", MAX_MOUNTS_BYTES);
  return typeof mounts !== "string" || mounts.split("\n").some((line) => line.split(" ")[4] === path);
}

import { readFile, writeAll } from "../base/files.ts";
import { containerName } from "../base/this-container.ts";
import { type Bytes, Errno, Lock, Mode, Open, type Sys } from "../sys.ts";

/** Debian's cron locks this file while it runs. */
const PATH = "/run/crond.pid";

/**
 * Makes this the only cron of the container, ours or Debian's, until it ends: two would run every job twice.
 *
 * @returns a description of the cron that runs already; `null` when there is none, when nobody can write the file, and when the file
 * belongs to another container that shares the directory
 */
export function lockOut(sys: Sys): Bytes | null {
  const own = containerName(sys);
  const fd = openOwn(sys);
  if (fd < 0) return null;
  if (sys.flock(fd, Lock.Exclusive | Lock.NoWait) === -Errno.EAGAIN) {
    const text = sys.read(fd, 128);
    sys.close(fd);
    const [pid = "", container = ""] = typeof text === "string" ? text.split("\n") : [];
    const isHere = container === "" ? isCron(sys, pid.trim()) : container === own;
    return isHere ? `pid ${pid.trim()}` : null;
  }
  sys.ftruncate(fd, 0);
  // Programs that read a pid read the first line.
  writeAll(sys, fd, `${sys.getpid()}\n${own}\n`);
  return null;
}

/** Opens the file, which is made where it is not: a link in its place is taken away, and what it leads to is left alone. */
function openOwn(sys: Sys): number {
  const flags = Open.ReadWrite | Open.NonBlock;
  const named = sys.lstat(PATH);
  if (typeof named !== "number" && (named.mode & Mode.TypeMask) === Mode.Regular && named.links === 1) {
    const fd = sys.open(PATH, flags, 0);
    const opened = fd < 0 ? fd : sys.stat(`/proc/self/fd/${fd}`);
    if (typeof opened !== "number" && opened.ino === named.ino) return fd;
    if (fd >= 0) sys.close(fd);
    return -Errno.ELOOP;
  }
  if (typeof named !== "number") sys.unlink(PATH);
  return sys.open(PATH, flags | Open.Create | Open.Exclusive, 0o644);
}

/** Whether a pid, which Debian's cron wrote, is that of a cron in this container. It is asked for once a minute. */
function isCron(sys: Sys, pid: Bytes): boolean {
  const name = readFile(sys, `/proc/${pid}/comm`, 64);
  return name === "cron\n";
}

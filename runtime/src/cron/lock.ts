import { writeAll } from "../base/files.ts";
import { type Bytes, Errno, Open, type Sys } from "../sys.ts";

/** Debian's cron locks this file while it runs. */
const PATH = "/run/crond.pid";
const EXCLUSIVE = 2;
const NO_WAIT = 4;

/**
 * Makes this the only cron, ours or Debian's, until it ends: two would run every job twice. The pid of the one that runs already (as
 * text), or `null`, also where nobody can write the file.
 */
export function lockOut(sys: Sys): Bytes | null {
  const fd = sys.open(PATH, Open.ReadWrite | Open.Create, 0o644);
  if (fd < 0) return null;
  if (sys.flock(fd, EXCLUSIVE | NO_WAIT) === -Errno.EAGAIN) {
    const pid = sys.read(fd, 32);
    sys.close(fd);
    return typeof pid === "string" ? pid.trim() : "";
  }
  sys.ftruncate(fd, 0);
  writeAll(sys, fd, `${sys.getpid()}\n`);
  return null;
}

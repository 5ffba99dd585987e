import { signalName } from "../../../lib/linux/signals.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";
import type { Messages } from "./messages.ts";

/** So many processes are named in one line. */
const MAX_NAMED = 3;

/**
 * Sends a signal to a process. That the kernel does not permit it is reported once, with the cure: then the container has no CAP_KILL,
 * and no process of another user can be told anything.
 * @returns `false` when it is not permitted
 */
export function send({ sys, messages }: { sys: Sys; messages: Messages }, pid: number, signal: number): boolean {
  if (sys.kill(pid, signal) !== -Errno.EPERM) return true;
  messages.warnOnce(
    "CAP_KILL",
    `cannot send ${signalName(signal)} to ${nameOf(sys, pid)}: not permitted; it runs as another user, and this container lacks the capability KILL: docker run --cap-add KILL. Such processes are not waited for`,
  );
  return false;
}

/** Whether the process may not be sent signals. @see kill(2) EPERM */
export function isUnreachable(sys: Sys, pid: number): boolean {
  return pid > 0 && sys.kill(pid, 0) === -Errno.EPERM;
}

/** Names processes for a message: `redis-server (PID 12), sh (PID 14) and 3 more`. */
export function nameAll(sys: Sys, pids: readonly number[]): Bytes {
  const names = pids.slice(0, MAX_NAMED).map((pid) => nameOf(sys, pid));
  return names.join(", ") + (pids.length > MAX_NAMED ? ` and ${pids.length - MAX_NAMED} more` : "");
}

function nameOf(sys: Sys, pid: number): Bytes {
  const name = readFile(sys, `/proc/${pid}/comm`, 64);
  return `${typeof name === "string" ? name.trim() : "a process"} (PID ${pid})`;
}

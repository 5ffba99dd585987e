import type { Bytes, Sys } from "../sys.ts";
import { readFile } from "./files.ts";

/** Kernel ticks in a second, on every architecture. @see proc_pid_stat(5) */
const TICKS_PER_SECOND = 100;

/**
 * Names the PID namespace that this process is in, and the boot of its kernel: `1f2e3d4c-4026532201`. For names in directories that
 * several containers can share, such as /run of a pod or /dev/shm. A part that cannot be read is 0.
 */
export function containerName(sys: Sys): Bytes {
  const namespace = sys.readlink("/proc/self/ns/pid");
  // pid:[4026532201]
  const number = typeof namespace === "string" ? namespace.slice(5, -1) : "0";
  return `${bootName(sys)}-${number}`;
}

/** The first part of {@link containerName}. */
export function bootName(sys: Sys): Bytes {
  const boot = readFile(sys, "/proc/sys/kernel/random/boot_id", 64);
  return typeof boot === "string" && boot !== "" ? boot.slice(0, 8) : "0";
}

/** Whether the process at the other end of a stream socket is of this container: only then its pid means anything here. */
export function isOfThisContainer(sys: Sys, connection: number): boolean {
  return sys.peerPid(connection) > 0;
}

/** When this container's first process was started, in milliseconds since the Epoch; `Infinity` when that cannot be known. */
export function containerStartMs(sys: Sys): number {
  const stat = readFile(sys, "/proc/1/stat", 4096);
  const uptime = readFile(sys, "/proc/uptime", 64);
  if (typeof stat !== "string" || typeof uptime !== "string") return Number.POSITIVE_INFINITY;
  // The name in parentheses may hold blanks; the 20th field after it is the start, in ticks since the boot.
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? Number.NaN);
  const agoMs = (Number(uptime.split(" ")[0]) - ticks / TICKS_PER_SECOND) * 1000;
  return Number.isNaN(agoMs) ? Number.POSITIVE_INFINITY : sys.time() - agoMs;
}

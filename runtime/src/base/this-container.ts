import type { Bytes, Sys } from "../sys.ts";
import { readFile } from "./files.ts";

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
function bootName(sys: Sys): Bytes {
  const boot = readFile(sys, "/proc/sys/kernel/random/boot_id", 64);
  return typeof boot === "string" && boot !== "" ? boot.slice(0, 8) : "0";
}

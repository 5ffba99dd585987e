import { readFile } from "../kernel/files.ts";
import type { Sys } from "../sys.ts";

/** Where the kernel counts its kills in this container's memory group: version 2, then version 1 of control groups. */
const COUNTERS = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"] as const;

/** How many processes the kernel has killed for want of memory in this container; 0 when it does not tell. @see cgroups(7) */
export function oomKills(sys: Sys): number {
  for (const path of COUNTERS) {
    const text = readFile(sys, path, 4096);
    if (typeof text === "number") continue;
    for (const line of text.split("\n")) {
      if (line.startsWith("oom_kill ")) return Number(line.slice(9)) || 0;
    }
  }
  return 0;
}

import type { Sys } from "../sys.ts";
import { readFile } from "./files.ts";

/** Where the kernel counts its kills in this container's memory group: version 2, then version 1 of control groups. */
const COUNTERS = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"] as const;
const SIGKILL = 9;

/** Knows which KILL came from the kernel for want of memory, as far as its counter tells. */
export class OutOfMemory {
  readonly #sys: Sys;
  #seen: number;

  constructor(sys: Sys) {
    this.#sys = sys;
    this.#seen = kills(sys);
  }

  /** Words to add to "killed by SIGKILL" when the kernel has killed since this was last asked; else `""`. */
  cause(signal: number): string {
    if (signal !== SIGKILL) return "";
    const now = kills(this.#sys);
    const struck = now > this.#seen;
    this.#seen = now;
    return struck ? " (oom-kill: the container, or its host, was out of memory)" : "";
  }
}

/** How many processes of this container the kernel has killed for want of memory; 0 when it does not tell. @see cgroups(7) */
function kills(sys: Sys): number {
  for (const path of COUNTERS) {
    const text = readFile(sys, path, 4096);
    if (typeof text === "number") continue;
    for (const line of text.split("\n")) {
      if (line.startsWith("oom_kill ")) return Number(line.slice(9)) || 0;
    }
  }
  return 0;
}

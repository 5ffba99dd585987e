import type { Bytes, Sys } from "../sys.ts";
import { readFile } from "./files.ts";

/** One process of the process table. @see proc_pid_stat(5) */
export interface ProcessEntry {
  readonly pid: number;
  readonly name: Bytes;
  readonly parent: number;
  readonly group: number;
}

/** Returns the pids of all processes below `root`, parents before children. Needs /proc; without it there are none. */
export function descendantsOf(sys: Sys, root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processIds(sys)) {
    const parent = readProcess(sys, pid)?.parent ?? 0;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const found = [root];
  for (let at = 0; at < found.length; at++) {
    for (const child of children.get(found[at] as number) ?? []) found.push(child);
  }
  return found.slice(1);
}

/** Returns the pids of all processes; none without /proc. */
export function processIds(sys: Sys): number[] {
  const names = sys.readdir("/proc");
  return typeof names === "number" ? [] : names.map(Number).filter((pid) => pid > 0);
}

/** Returns every process that can be seen. Needs /proc, as above. */
export function processes(sys: Sys): ProcessEntry[] {
  return processIds(sys).flatMap((pid) => readProcess(sys, pid) ?? []);
}

/** Reads one entry of the process table; `null` when the process is gone. */
export function readProcess(sys: Sys, pid: number): ProcessEntry | null {
  const stat = readFile(sys, `/proc/${pid}/stat`, 4096);
  if (typeof stat === "number") return null;
  // The command's name is in brackets and may hold anything; state, parent and group follow the last one.
  const nameEnd = stat.lastIndexOf(")");
  const [, parent, group] = stat.slice(nameEnd + 2).split(" ");
  return { pid, name: stat.slice(stat.indexOf("(") + 1, nameEnd), parent: Number(parent), group: Number(group) };
}

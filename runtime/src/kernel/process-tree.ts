import { readFile } from "../kernel/files.ts";
import type { Sys } from "../sys.ts";

/** Pids of all processes below `root`, parents before children. Needs /proc; without it there are none. @see proc_pid_stat(5) */
export function descendantsOf(sys: Sys, root: number): number[] {
  const children = new Map<number, number[]>();
  const names = sys.readdir("/proc");
  for (const name of typeof names === "number" ? [] : names) {
    const pid = Number(name);
    const parent = pid > 0 ? parentOf(sys, pid) : 0;
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (let at = 0; at < found.length; at++) found.push(...(children.get(found[at] as number) ?? []));
  return found.slice(1);
}

function parentOf(sys: Sys, pid: number): number {
  const stat = readFile(sys, `/proc/${pid}/stat`, 4096);
  if (typeof stat === "number") return 0;
  // The command's name is in brackets and may hold anything; state and parent follow the last one.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

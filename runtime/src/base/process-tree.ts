import type { Bytes, Sys } from "../sys.ts";
import { readFile } from "./files.ts";

/** What the process table says of one process. @see proc_pid_stat(5) */
interface Entry {
  readonly pid: number;
  readonly name: Bytes;
  readonly parent: number;
  readonly group: number;
}

/** Pids of all processes below `root`, parents before children. Needs /proc; without it there are none. */
export function descendantsOf(sys: Sys, root: number): number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of processes(sys)) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = [root];
  for (let at = 0; at < found.length; at++) found.push(...(children.get(found[at] as number) ?? []));
  return found.slice(1);
}

/** Names and pids of the processes in a group. Needs /proc, as above. */
export function membersOf(sys: Sys, group: number): { readonly pid: number; readonly name: Bytes }[] {
  return processes(sys).filter((entry) => entry.group === group);
}

function processes(sys: Sys): Entry[] {
  const names = sys.readdir("/proc");
  const entries: Entry[] = [];
  for (const name of typeof names === "number" ? [] : names) {
    const pid = Number(name);
    const stat = pid > 0 ? readFile(sys, `/proc/${pid}/stat`, 4096) : 0;
    if (typeof stat === "number") continue;
    // The command's name is in brackets and may hold anything; state, parent and group follow the last one.
    const nameEnd = stat.lastIndexOf(")");
    const [, parent, group] = stat.slice(nameEnd + 2).split(" ");
    entries.push({
      pid,
      name: stat.slice(stat.indexOf("(") + 1, nameEnd),
      parent: Number(parent),
      group: Number(group),
    });
  }
  return entries;
}

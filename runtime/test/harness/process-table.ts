import { readdirSync, readFileSync } from "node:fs";

/** One process as the container sees it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly name: string;
  /** One letter of proc(5): `R`, `S`, `T` stopped, `Z` zombie … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Arguments; empty for a zombie. */
  readonly args: readonly string[];
}

/** Reads a process table. @param proc where the namespace's proc(5) is mounted */
export function processTable(proc: string): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readProcess(`${proc}/${name}`);
    if (entry !== undefined) entries.push(entry);
  }
  return entries.sort((a, b) => a.pid - b.pid);
}

/** Reads one process. @param directory its directory in proc(5) @returns `undefined` when it is gone */
export function readProcess(directory: string): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`${directory}/stat`, "latin1");
    const nameEnd = stat.lastIndexOf(")");
    const [state = "?", parent, group, session] = stat.slice(nameEnd + 2).split(" ");
    return {
      pid: Number.parseInt(stat, 10),
      name: stat.slice(stat.indexOf("(") + 1, nameEnd),
      state,
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      args: readFileSync(`${directory}/cmdline`, "latin1").split("\0").slice(0, -1),
    };
  } catch {
    return undefined;
  }
}

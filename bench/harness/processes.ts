import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** CPU time that a process has used, in nanoseconds: the first field of its schedstat. @see proc_pid_schedstat(5) */
export function cpuNs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
}

/** How often a process gave up the CPU to wait for something. @see voluntary_ctxt_switches in proc_pid_status(5) */
export function voluntarySwitches(pid: number): number {
  return field(readFileSync(`/proc/${pid}/status`, "utf8"), "voluntary_ctxt_switches");
}

/** Memory in bytes. `private` is clean and dirty. @see proc_pid_smaps_rollup in proc_pid_smaps(5) */
export interface Memory {
  readonly pss: number;
  readonly private: number;
  readonly privateDirty: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const privateDirty = field(text, "Private_Dirty") * 1024;
  return { pss: field(text, "Pss") * 1024, privateDirty, private: privateDirty + field(text, "Private_Clean") * 1024 };
}

/** The number after `NAME:` at a line's start. @throws when it is not there: a missing field is never 0 */
export function field(text: string, name: string): number {
  for (const line of text.split("\n")) {
    if (line.startsWith(`${name}:`)) return Number.parseInt(line.slice(name.length + 1), 10);
  }
  throw new Error(`cannot read ${name}: the kernel does not tell it`);
}

/** A process. `program` is the executable's path, `null` for a zombie. */
export interface Process {
  readonly pid: number;
  readonly program: string | null;
}

/** All processes of the PID namespace that `first` is in. Pids are those that this process sees. */
export function processesIn(first: number): Process[] {
  const namespace = readlinkSync(`/proc/${first}/ns/pid`);
  const found: Process[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
    } catch {
      continue; // ended meanwhile
    }
    let program: string | null = null;
    try {
      program = readlinkSync(`/proc/${pid}/exe`);
    } catch {
      // a zombie has no program
    }
    found.push({ pid, program });
  }
  return found;
}

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandOptions, type CommandResult, run } from "../../host/command.ts";

/** Processor time of processes and of all the children that they waited for, in milliseconds. */
export interface Cost {
  /** In programs. */
  readonly user: number;
  /** In the kernel, on their behalf. */
  readonly system: number;
}

export const FREE: Cost = { user: 0, system: 0 };

/** `"$0"` receives the times; the trap keeps the shell there until the command has ended by the same signal. */
const MEASURE = 'trap : INT TERM HUP; "$@"; code=$?; times >"$0"; exit $code';
const TICK_MS = 10;

export function sum(costs: Iterable<Cost>): Cost {
  let [user, system] = [0, 0];
  for (const cost of costs) [user, system] = [user + cost.user, system + cost.system];
  return { user, system };
}

/** User and system time together, in milliseconds. */
export function total({ user, system }: Cost): number {
  return user + system;
}

/** Runs a command as `run` does, and measures what it and its children cost. A command that had to be killed costs nothing. */
export async function runMeasured(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult & { cost: Cost }> {
  const directory = mkdtempSync(join(tmpdir(), "shipshape-cost-"));
  const path = join(directory, "times");
  try {
    const result = await run("sh", ["-c", MEASURE, path, program, ...args], options);
    return { ...result, cost: childrenCost(readIfThere(path)) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The second line of what the shell's `times` prints: `0m1.230000s 0m0.450000s`. Nothing costs nothing. */
export function childrenCost(times: string): Cost {
  const [, children = ""] = times.split("\n");
  const [user = 0, system = 0] = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => (Number(minutes) * 60 + Number(rest)) * 1000,
  );
  return { user, system };
}

/** What this process and the children that it waited for have cost so far. */
export function costSoFar(stat = readFileSync("/proc/self/stat", "latin1")): Cost {
  // proc(5): utime, stime, cutime and cstime are the fields 14 to 17; the second one may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
  return { user: (utime + cutime) * TICK_MS, system: (stime + cstime) * TICK_MS };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

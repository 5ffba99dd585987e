import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root directory. */
export const top = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Everything that can be thrown away: logs, base file systems, the engine's data. */
export const cacheDir = join(top, ".cache");

/** Where the details of one step go. @param step kebab-case name, one file each */
export function logPath(step: string): string {
  return join(cacheDir, "log", `${step}.log`);
}

/** One line of progress for the person who waits. Always on stderr: stdout belongs to the result. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** `12.3 s`, `3 min 05 s`. */
export function seconds(milliseconds: number): string {
  const all = milliseconds / 1000;
  if (all < 100) return `${all.toFixed(1)} s`;
  return `${Math.floor(all / 60)} min ${String(Math.floor(all % 60)).padStart(2, "0")} s`;
}

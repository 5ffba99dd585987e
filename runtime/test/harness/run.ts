import { spawn } from "node:child_process";
import { EVENT_DEADLINE_MS, TIME_SCALE } from "./deadline.ts";

/** A program that has ended, with what it wrote. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end.
 * @throws when it cannot be started, or is still running after the deadline (it is killed then)
 */
export function run(
  program: string,
  args: readonly string[],
  { input, deadlineMs = EVENT_DEADLINE_MS }: { input?: string; deadlineMs?: number } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`gave up after ${deadlineMs * TIME_SCALE} ms waiting until this ended: ${args.join(" ")}`));
    }, deadlineMs * TIME_SCALE);
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout?.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const [stdout, stderr] = [chunks.stdout, chunks.stderr].map((all) => Buffer.concat(all).toString("utf8"));
      resolve({ code, signal, stdout: stdout ?? "", stderr: stderr ?? "" });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

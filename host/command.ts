import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onStop } from "./stopping.ts";

export interface CommandOptions {
  readonly cwd?: string;
  /** Variables on top of this process's; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** After this time the command and its children are ended; no limit by default. */
  readonly timeoutMs?: number;
  /** Ends the command and its children when aborted. */
  readonly signal?: AbortSignal;
  /** What the command reads from its standard input, which is empty by default. */
  readonly input?: string | Uint8Array;
  /** A file that receives both outputs, appended as they come. */
  readonly logPath?: string;
  /** Called with every piece of output as it comes. */
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
}

export interface CommandResult {
  /** Exit code; 128 + n after a signal; 124 after the timeout; {@link NOT_STARTED} when the program cannot be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit code of a program that cannot be started, as shells have it. */
export const NOT_STARTED = 127;

/** Longest output kept of each stream; of a longer one the end is kept. In characters. */
const KEPT_OUTPUT = 4 * 1024 * 1024;
/** What a command's processes get between SIGTERM and SIGKILL, and its output after its exit. */
const GRACE_MS = 3000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const alive = new Set<ChildProcess>();

/**
 * Runs a program to its end, in a process group of its own, so that a timeout or a Ctrl-C here takes its children too.
 * Never rejects: look at `code`.
 */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const log = options.logPath === undefined ? null : openLog(options.logPath);
  log?.write(`$ ${[program, ...args].join(" ")}\n`);
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    track(child);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] = (output[name] + text).slice(-KEPT_OUTPUT);
        log?.write(text);
        options.onOutput?.(text, name);
      });
    }
    child.stdin.on("error", () => {}).end(options.input ?? "");

    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      void end(child);
    }, options.timeoutMs ?? LONGEST_TIMER_MS);
    const abort = (): void => void end(child);
    options.signal?.addEventListener("abort", abort);
    const finish = (code: number, note: string): void => {
      if (!untrack(child)) return;
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
      if (note !== "") output.stderr += `${note}\n`;
      if (note !== "") log?.write(`${note}\n`);
      const done = (): void => resolve({ code, ...output });
      if (log === null) done();
      else log.end(done);
    };
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (timedOut) finish(124, `${program} was ended: not finished after ${(options.timeoutMs ?? 0) / 1000} s`);
      else finish(code ?? 128 + constants.signals[signal ?? "SIGKILL"], "");
    };
    child.once("error", (error) => finish(NOT_STARTED, `cannot run ${program}: ${error.message}`));
    child.once("close", ended);
    // A process left behind may hold the outputs open for ever: then "close" does not come.
    child.once("exit", (code, signal) => setTimeout(ended, GRACE_MS, code, signal).unref());
  });
}

/**
 * Runs a program that has to succeed.
 *
 * @param purpose what the caller wants, put after "cannot": `build the runtime`
 * @throws when the exit code is not 0; the message ends with the last lines of the output
 */
export async function runOrThrow(
  purpose: string,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await run(program, args, options);
  if (result.code === 0) return result;
  const where = options.logPath === undefined ? "" : ` (log: ${options.logPath})`;
  throw new Error(
    `cannot ${purpose}: ${program} ended with status ${result.code}${where}\n${lastLines(result.stdout + result.stderr, 20)}`,
  );
}

/** The last `count` lines of a text, without empty ones at its end. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Ends a command's process group: SIGTERM, and SIGKILL for what is left after the grace. */
async function end(child: ChildProcess): Promise<void> {
  signalGroup(child, "SIGTERM");
  const deadline = Date.now() + GRACE_MS;
  while (signalGroup(child, 0) && Date.now() < deadline) await sleep(50);
  signalGroup(child, "SIGKILL");
}

/** @returns false when nobody is left in the group */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return child.pid !== undefined && process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

let forget = (): void => {};

/** Ends the command, too, when this process is told to stop. */
function track(child: ChildProcess): void {
  if (alive.size === 0)
    forget = onStop(async () => {
      await Promise.all([...alive].map(end));
    });
  alive.add(child);
}

/** Forgets a command that has ended. @returns false when it was forgotten already */
function untrack(child: ChildProcess): boolean {
  const known = alive.delete(child);
  if (known && alive.size === 0) forget();
  return known;
}

function openLog(path: string): WriteStream {
  mkdirSync(dirname(path), { recursive: true });
  return createWriteStream(path, { flags: "a" });
}

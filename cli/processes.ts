import { spawn } from "node:child_process";
import { constants } from "node:os";

/** What a program that ran to its end has said. */
export interface Said {
  /** Exit code, 128 + n after a signal; `null` when there is no such program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with nothing to read and keeps what it writes. Never rejects. */
export function capture(program: string, args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        said[name] += text;
      });
    }
    child.once("error", () => resolve({ code: null, ...said }));
    child.once("close", (code, signal) => resolve({ code: exitCode(code, signal), ...said }));
  });
}

/**
 * Runs a program in the place of this one: with this terminal, these streams, and the signals that are sent here.
 * @returns its exit code, 128 + n after a signal, 127 when it cannot be started
 */
export async function foreground(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: "inherit" });
  // Ctrl-C and Ctrl-\ reach the child by the terminal; here they must only not end us before it.
  const ignored = (): void => {};
  const passed = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, ignored);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, passed);
  try {
    return await new Promise((resolve) => {
      child.once("error", (error) => {
        console.error(`cannot run ${program}: ${error.message}`);
        resolve(127);
      });
      child.once("exit", (code, signal) => resolve(exitCode(code, signal)));
    });
  } finally {
    for (const signal of ["SIGINT", "SIGQUIT"] as const) process.off(signal, ignored);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.off(signal, passed);
  }
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + constants.signals[signal ?? "SIGKILL"];
}

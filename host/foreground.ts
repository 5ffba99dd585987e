import { spawn } from "node:child_process";
import { constants } from "node:os";
import { NOT_STARTED } from "./command.ts";

/**
 * Runs a program in the place of this one: with this terminal, these streams, and the signals that are sent here.
 * @returns its exit code, 128 + n after a signal, {@link NOT_STARTED} when it cannot be started
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
        resolve(NOT_STARTED);
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

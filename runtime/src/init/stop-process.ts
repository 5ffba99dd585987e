import { Deadline } from "./budget.ts";
import type { Core } from "./core.ts";
import type { Running } from "./scripts.ts";

const SIGTERM = 15;
const SIGKILL = 9;
/** A process that KILL does not end within this time hangs in the kernel; nobody waits for it. */
export const AFTER_KILL_MS = 1000;

/** Ends a process with TERM, and with KILL at `at` (or earlier when the stop is urged). `true` when TERM was enough. */
export async function stopProcess(
  core: Core,
  process: Running,
  at: number,
  deadline = urged(core, at),
): Promise<boolean> {
  const { sys, loop, messages } = core;
  const name = `${process.path} (PID ${process.pid})`;
  messages.info(`Shutting down ${name}...`);
  // A budget of 0 means KILL at once.
  if (at > loop.now()) sys.kill(process.pid, SIGTERM);
  if (await deadline.within(process.ended, at)) return true;
  messages.warn(`${name} did not shut down in time. Forcing it to exit.`);
  await forceToExit(core, process);
  return false;
}

/** Ends a process with KILL. */
export async function forceToExit(core: Core, process: Running): Promise<void> {
  core.sys.kill(process.pid, SIGKILL);
  await new Deadline(core.loop, core.loop.now() + AFTER_KILL_MS).within(process.ended, Number.POSITIVE_INFINITY);
}

/** A deadline at `at` that a second stop signal brings to 1 s from then, and a third to now. */
export function urged(core: Core, at: number): Deadline {
  const deadline = new Deadline(core.loop, at);
  const shorten = (count: number) => deadline.shorten(core.loop.now() + (count === 2 ? 1000 : 0));
  if (core.stop.count > 1) shorten(core.stop.count);
  core.stop.impatient = (count) => {
    core.messages.warn(
      count === 2 ? "Told to stop again: one second is left." : "Told to stop a third time: killing what is left.",
    );
    shorten(count);
  };
  return deadline;
}

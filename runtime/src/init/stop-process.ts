import { Signal } from "../../../lib/linux/signals.ts";
import { send } from "../base/signalling.ts";
import type { Bytes } from "../sys.ts";
import { Budget } from "./budget.ts";
import { advance, type Core } from "./core.ts";
import type { Running } from "./scripts.ts";

/** What KILL does not end within this time hangs in the kernel; nobody waits for it. */
const AFTER_KILL_MS = 1000;
/** What a second stop signal leaves of the budget. */
const IMPATIENT_MS = 1000;

/**
 * Ends a process with TERM, and with KILL when `endAt` has come.
 * @returns whether TERM was enough
 */
export async function stopProcess(core: Core, process: Running, budget: Budget, endAt: () => number): Promise<boolean> {
  const { loop, messages } = core;
  const name = `${process.path} (PID ${process.pid})`;
  messages.info(`Shutting down ${name}...`);
  // A timeout of 0 means KILL at once.
  if (endAt() > loop.now() && !send(core, process.pid, Signal.TERM)) return false;
  if (await budget.within(process.ended, endAt)) return true;
  await forceToExit(core, process);
  return false;
}

/** Writes down whom the shutdown kills, before it does. */
export function noteKilled(core: Core, names: readonly Bytes[]): void {
  advance(core, { killed: [...new Set([...core.record.killed, ...names])] });
}

/** Ends a process with KILL. */
export async function forceToExit(core: Core, process: Running): Promise<void> {
  core.messages.warn(`${process.path} (PID ${process.pid}) did not shut down in time. Forcing it to exit.`);
  noteKilled(core, [process.path]);
  if (send(core, process.pid, Signal.KILL)) await afterKill(core, process.ended);
}

/** Waits for the end of killed processes, but not for ever. */
export async function afterKill({ loop }: Core, ended: Promise<unknown>): Promise<void> {
  const budget = new Budget(loop, loop.now(), AFTER_KILL_MS);
  await budget.within(ended, () => budget.end);
}

/** A budget that a second stop signal cuts to one second, and a third to nothing. */
export function impatientBudget(core: Core, startedAt: number, ms: number): Budget {
  const budget = new Budget(core.loop, startedAt, ms);
  const cut = (count: number) => budget.cut(count === 2 ? IMPATIENT_MS : 0);
  if (core.stop.count > 1) cut(core.stop.count);
  core.stop.impatient = (count) => {
    if (count === 2) core.messages.warn("Told to stop again: one second is left.");
    if (count === 3) core.messages.warn("Told to stop a third time: killing what is left.");
    cut(count);
  };
  return budget;
}

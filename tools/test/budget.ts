import type { CommandResult } from "../../host/command.ts";
import { type Cost, runMeasured, total } from "./cost.ts";
import type { Outcome } from "./phases.ts";
import type { TestCost } from "./preload.mjs";

/** What a phase may cost, in units of the work that {@link measureUnit} does: as a kernel may be slow at forks on a processor fast at loops. */
export interface Budget {
  /** Units of user time. */
  readonly user: number;
  /** Units of system time. */
  readonly system: number;
}

/** A phase fails when it costs more than this times its budget. */
export const ROOM = 2;
/** How many of the dearest tests a failure names. */
const NAMED = 5;

/**
 * The fixed piece of work. Its user time is a computation of Node.js, its system time that of processes that start and end, some of them in
 * namespaces with a mount of their own: what the suites do all the time.
 */
const COMPUTATION = `
const rows = Array.from({ length: 20000 }, (_, i) => ({ key: String((i * 7919) % 30011), text: "x".repeat(i % 50) }));
let sum = 0;
for (let n = 0; n < 2; n++) {
  const parsed = JSON.parse(JSON.stringify(rows)).sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { key } of parsed) for (const letter of key) sum = (sum * 31 + letter.charCodeAt(0)) | 0;
}
process.exitCode = sum === 0 ? 1 : 0;`;
const STARTS = `
i=0; while [ $i -lt 30 ]; do /bin/true; i=$((i + 1)); done
i=0; while [ $i -lt 3 ]; do unshare --mount --pid --fork sh -c 'mount -t tmpfs none /mnt && /bin/true' || exit; i=$((i + 1)); done`;

/** What the fixed piece of work costs here and now. @throws when it cannot be done */
export async function measureUnit(): Promise<Cost> {
  const { user } = done(await runMeasured(process.execPath, ["-e", COMPUTATION]));
  const { system } = done(await runMeasured("sh", ["-c", STARTS]));
  return { user, system };
}

function done<T extends CommandResult & { cost: Cost }>({ code, stderr, cost }: T): Cost {
  if (code !== 0)
    throw new Error(`cannot measure this machine: its piece of work ended with status ${code}\n${stderr}`);
  return cost;
}

/** The median of each time: one measurement beside a burst of other work says little. */
export function typical(units: readonly Cost[]): Cost {
  const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return { user: median(units.map(({ user }) => user)), system: median(units.map(({ system }) => system)) };
}

/** The processor time that a budget comes to on a machine with this unit, in milliseconds, without the room. */
export function budgetMs(budget: Budget, unit: Cost): number {
  return budget.user * unit.user + budget.system * unit.system;
}

/** Why a phase failed its budget: `null` when it kept to it. */
export function overspent(outcome: Pick<Outcome, "cost" | "costs">, budget: Budget, unit: Cost): string | null {
  const [spent, allowed] = [total(outcome.cost), budgetMs(budget, unit) * ROOM];
  if (spent <= allowed) return null;
  const dearest = [...dearestOf(outcome.costs, ({ title }) => title === ""), ...dearestOf(outcome.costs, isTest)];
  return [
    `it took ${inSeconds(spent)} s of processor time, and ${inSeconds(allowed)} s are its budget on this machine; what cost most:`,
    ...dearest.map(({ title, file, ms }) => `${inSeconds(ms)} s  ${file}${title && `: ${title}`}`),
    "make it cheaper, move what repeats to the long form, or raise its budget in tools/test/budgets.ts and say why",
  ].join("\n");
}

const isTest = ({ title }: TestCost): boolean => title !== "";

function dearestOf(costs: readonly TestCost[], which: (cost: TestCost) => boolean): TestCost[] {
  return costs
    .filter(which)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, NAMED);
}

/** One line per phase: user and system time, their sum, its share of the budget; and the total of the run. */
export function costTable(
  outcomes: ReadonlyMap<string, Outcome>,
  budgetOf: (phase: string) => Budget | undefined,
  unit: Cost,
  whole: Cost,
): string[] {
  const row = (name: string, user: string, system: string, all: string, share: string): string =>
    `${name.padEnd(28)}${[user, system, all, share].map((text) => text.padStart(10)).join("")}`;
  const line = (name: string, cost: Cost, share = ""): string =>
    row(name, inSeconds(cost.user), inSeconds(cost.system), inSeconds(total(cost)), share);
  const rest = { user: whole.user, system: whole.system };
  const lines = [...outcomes].map(([name, { cost }]) => {
    rest.user -= cost.user;
    rest.system -= cost.system;
    const budget = budgetOf(name);
    return line(name, cost, budget && `${Math.round((100 * total(cost)) / budgetMs(budget, unit) / ROOM)} %`);
  });
  return [
    row("processor time in seconds", "user", "system", "both", "of budget"),
    ...lines,
    line("npm test, container engine", rest),
    line("total", whole),
    `a unit of the budgets: ${Math.round(unit.user)} ms of user and ${Math.round(unit.system)} ms of system time`,
  ];
}

function inSeconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

import type { Budget } from "./budget.ts";

/** What the large phases of the short form may cost, in a fresh clone. */
export const budgets: Readonly<Record<string, Budget>> = {
  "build runtime (release)": { user: 160, system: 60 },
  "contract (release)": { user: 190, system: 480 },
  "torture (release)": { user: 100, system: 300 },
  "unit tests": { user: 190, system: 130 },
  "build image": { user: 70, system: 130 },
  containers: { user: 180, system: 250 },
  acceptance: { user: 200, system: 350 },
  "build runtime (arm64)": { user: 140, system: 100 },
  "emulated (arm64)": { user: 15, system: 15 },
  "build runtime (asan)": { user: 190, system: 60 },
  "instrumented (asan)": { user: 120, system: 200 },
  "build runtime (gcstress)": { user: 140, system: 50 },
  "instrumented (gcstress)": { user: 80, system: 80 },
};

/** Of all others: checks of the gate, the start of a container engine. */
const SMALL: Budget = { user: 30, system: 20 };

/** The budget of a phase. Its name may hold this machine's other architecture, whichever that is. */
export function budgetOf(phase: string): Budget {
  return budgets[phase.replace("(amd64)", "(arm64)")] ?? SMALL;
}

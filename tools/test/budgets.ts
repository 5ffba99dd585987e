import type { Budget } from "./budget.ts";

/** What the large phases of the short form may cost, in a fresh clone. */
export const budgets: Readonly<Record<string, Budget>> = {
  "build runtime (release)": { user: 160, system: 60 },
  "contract (release)": { user: 420, system: 1050 },
  "torture (release)": { user: 160, system: 480 },
  "unit tests": { user: 480, system: 330 },
  "build image": { user: 160, system: 280 },
  containers: { user: 600, system: 900 },
  acceptance: { user: 600, system: 1050 },
  "build runtime (arm64)": { user: 140, system: 100 },
  "emulated (arm64)": { user: 15, system: 15 },
  "build runtime (asan)": { user: 190, system: 60 },
  "instrumented (asan)": { user: 220, system: 380 },
  "build runtime (gcstress)": { user: 140, system: 50 },
  "instrumented (gcstress)": { user: 120, system: 130 },
};

/** Of all others: checks of the gate, the start of a container engine. */
const SMALL: Budget = { user: 30, system: 20 };

/** The budget of a phase. Its name may hold this machine's other architecture, whichever that is. */
export function budgetOf(phase: string): Budget {
  return budgets[phase.replace("(amd64)", "(arm64)")] ?? SMALL;
}

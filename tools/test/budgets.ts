import type { Budget } from "./budget.ts";

/** What the phases of the short form may cost. A phase without a line has no tests of its own worth the measuring. */
export const budgets: Readonly<Record<string, Budget>> = {};

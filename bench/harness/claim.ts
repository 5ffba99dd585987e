import type { Init } from "./inits.ts";
import type { Workspace } from "./workspace.ts";

/** What a claim needs to measure. */
export interface Bench {
  readonly workspace: Workspace;
  /** The floor, the peers, and shipshape unless it was left out; each claim takes those it fits. */
  readonly inits: readonly Init[];
  /** A smoke run: few repetitions, small numbers. */
  readonly quick: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a reader must know to read the numbers right. */
  readonly note?: string;
}

/** A mark to reach and whether it was reached. */
export interface Goal {
  readonly what: string;
  readonly atMost: string;
  readonly measured: string;
  /** How many times the floor's, for what the floor does too. */
  readonly floor?: string;
  readonly met: boolean;
  /** A fact does not depend on how fast or busy the machine is, so that one smoke run can tell. */
  readonly kind: "fact" | "measure";
}

export interface Finding {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** Every single measurement, by what was measured. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

/** One file of `bench/`. */
export interface Claim {
  readonly name: string;
  readonly title: string;
  /** How it is measured, for the report. */
  readonly how: string;
  measure(bench: Bench): Promise<Finding>;
}

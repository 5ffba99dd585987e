import { say, seconds } from "../setup/places.ts";
import { type Cost, FREE } from "./cost.ts";
import type { TestCost } from "./preload.mjs";
import type { TestResult } from "./reporter.mjs";

/** What the tests of a phase came to. */
export interface Outcome {
  readonly passed: readonly TestResult[];
  readonly failed: readonly TestResult[];
  readonly skipped: readonly TestResult[];
  /** Failed at first, and passed when they were run once more; each with its failure. */
  readonly unsteady: readonly TestResult[];
  /** Processor time of the phase's commands. */
  readonly cost: Cost;
  /** Processor time per test and per test file. */
  readonly costs: readonly TestCost[];
}

const RESULTS = ["passed", "failed", "skipped", "unsteady"] as const;

/** One step of a run. */
export interface Phase {
  readonly name: string;
  /** Phases that must have succeeded before. */
  readonly needs?: readonly string[];
  /**
   * Does the work; a throw is a failure. A phase without tests of its own gives nothing back and counts as one.
   * @param progress what to show beside the phase's name while it runs
   */
  readonly run: (progress: (text: string) => void) => Promise<Outcome | undefined>;
}

export interface PhaseOptions {
  /** Phases that may run at the same time. */
  readonly slots: number;
  readonly print?: (line: string) => void;
  /** How often the phases that still run are named, in milliseconds. */
  readonly heartbeatMs?: number;
}

const FAILURE_LINES = 40;

/**
 * Runs phases as soon as what they need has succeeded, earlier ones of the list first. A failure leaves the independent ones running.
 * Prints a line when a phase begins and ends, its time, every failure and every skip with its reason.
 * @returns outcomes by phase name
 */
export async function runPhases(phases: readonly Phase[], options: PhaseOptions): Promise<Map<string, Outcome>> {
  const { slots, print = say, heartbeatMs = 30_000 } = options;
  const outcomes = new Map<string, Outcome>();
  const running = new Map<string, { work: Promise<void>; startedAt: number; progress: string }>();
  const waiting = [...phases];

  const start = (phase: Phase): void => {
    const state = { work: Promise.resolve(), startedAt: performance.now(), progress: "" };
    print(`▶ ${phase.name}`);
    state.work = attempt(phase, (text) => {
      state.progress = text;
    }).then((outcome) => {
      outcomes.set(phase.name, outcome);
      running.delete(phase.name);
      for (const line of describe(phase.name, outcome, performance.now() - state.startedAt)) print(line);
    });
    running.set(phase.name, state);
  };
  const heartbeat = setInterval(() => {
    for (const [name, { startedAt, progress }] of running) {
      print(`  … ${name}: ${[progress, seconds(performance.now() - startedAt)].filter(Boolean).join(", ")}`);
    }
  }, heartbeatMs);

  while (waiting.length > 0 || running.size > 0) {
    for (const phase of [...waiting]) {
      const needs = (phase.needs ?? []).map((name) => [name, outcomes.get(name)] as const);
      const broken = needs.find(([, outcome]) => outcome !== undefined && outcome.failed.length > 0)?.[0];
      const ready = needs.every(([, outcome]) => outcome !== undefined) && running.size < slots;
      if (broken === undefined && !ready) continue;
      waiting.splice(waiting.indexOf(phase), 1);
      if (broken === undefined) start(phase);
      else {
        const outcome = single(phase.name, "failed", `not run, because ${broken} failed`);
        outcomes.set(phase.name, outcome);
        for (const line of describe(phase.name, outcome, 0)) print(line);
      }
    }
    if (running.size === 0 && waiting.length > 0) {
      // A phase that was given up just now may give up the next one.
      if (waiting.some(({ needs = [] }) => needs.some((name) => outcomes.has(name)))) continue;
      clearInterval(heartbeat);
      throw new Error(
        `cannot run ${waiting[0]?.name}: it needs ${waiting[0]?.needs?.join(", ")}, and nothing gives that`,
      );
    }
    await Promise.race([...running.values()].map(({ work }) => work));
  }
  clearInterval(heartbeat);
  return outcomes;
}

/**
 * The phases whose name holds one of the words, with all that they need, in their order; every phase without a word.
 * @throws when a word is in no name
 */
export function selectPhases(phases: readonly Phase[], words: readonly string[]): Phase[] {
  if (words.length === 0) return [...phases];
  const names = new Set<string>();
  const add = (phase: Phase): void => {
    names.add(phase.name);
    for (const other of phases) if (phase.needs?.includes(other.name)) add(other);
  };
  for (const word of words) {
    const found = phases.filter(({ name }) => name.includes(word));
    if (found.length === 0)
      throw new Error(`cannot run "${word}": phases are ${phases.map(({ name }) => name).join(", ")}`);
    found.forEach(add);
  }
  return phases.filter(({ name }) => names.has(name));
}

async function attempt(phase: Phase, progress: (text: string) => void): Promise<Outcome> {
  try {
    return (await phase.run(progress)) ?? single(phase.name, "passed", "");
  } catch (error) {
    return single(phase.name, "failed", error instanceof Error ? error.message : String(error));
  }
}

/** The outcome of a phase that counts as one. */
export function single(title: string, outcome: TestResult["outcome"], text: string, cost: Cost = FREE): Outcome {
  const result = { title, file: "", ms: 0, outcome, text };
  return { passed: [], failed: [], skipped: [], unsteady: [], cost, costs: [], [outcome]: [result] };
}

function describe(name: string, outcome: Outcome, ms: number): string[] {
  const { failed, skipped, unsteady } = outcome;
  const counts = RESULTS.flatMap((which) => outcome[which]).length > 1 ? `  ${tally([outcome])}` : "";
  const failure = (what: string) => (test: TestResult) => [
    `    ${what}: ${test.title}${test.file.endsWith(".test.ts") ? ` (${test.file})` : ""}`,
    ...test.text
      .trimEnd()
      .split("\n")
      .slice(0, FAILURE_LINES)
      .map((line) => `      ${line}`),
  ];
  return [
    `${failed.length === 0 ? "✔" : "✖"} ${name}  ${seconds(ms)}${counts}`,
    ...skipped.map(({ title, text }) => `    skipped: ${title}: ${text}`),
    ...unsteady.flatMap(failure("unsteady, passed when run again")),
    ...failed.flatMap(failure("failed")),
  ];
}

/** `N passed, N failed, N skipped`, and `N unsteady` where there are any. */
export function tally(outcomes: Iterable<Outcome>): string {
  const all = [...outcomes];
  const count = (which: (typeof RESULTS)[number]): number =>
    all.reduce((sum, outcome) => sum + outcome[which].length, 0);
  const unsteady = count("unsteady") > 0 ? `, ${count("unsteady")} unsteady` : "";
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped${unsteady}`;
}

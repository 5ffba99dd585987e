import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectFiles } from "../setup/files.ts";
import { logPath, seconds, top } from "../setup/places.ts";
import { runMeasured, sum } from "./cost.ts";
import { type Outcome, single } from "./phases.ts";
import type { TestCost } from "./preload.mjs";
import type { TestResult } from "./reporter.mjs";

export interface Suite {
  /** Kebab-case; names the log file. */
  readonly name: string;
  /** Test files, relative to the repository's root. */
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Test files that run at the same time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** The suite is ended when no test has ended for this long; by default only by `timeoutMs`. */
  readonly idleMs?: number;
  /** Tests that fail are run once more, one after another: for suites that depend on the machine's load, and not on the code alone. */
  readonly secondChance?: boolean;
}

/** The first test may take so many times longer to end than any other: processes start, and what they need is prepared. */
const BEFORE_THE_FIRST = 5;
/** More failures than these are no matter of chance. */
const MAX_SECOND_CHANCES = 3;
/** Nor is what a sanitizer found, however seldom. */
const NO_CHANCE = /\w+Sanitizer/;
/** The title of a failure that is none of a test. */
const ITSELF = "the suite itself";

const REPORTER = fileURLToPath(new URL("reporter.mjs", import.meta.url));
const PRELOAD = fileURLToPath(new URL("preload.mjs", import.meta.url));

/** Test files by what they need: `unit` stands beside its source, the others need the binary or a container engine. */
export function testFiles(kind: "unit" | "contract" | "torture" | "emulated" | "containers" | "acceptance"): string[] {
  return projectFiles(top, ".test.ts").filter((path) => kindOf(path) === kind);
}

function kindOf(path: string): string {
  if (path.startsWith("runtime/test/torture/")) return "torture";
  if (path.startsWith("runtime/test/emulated/")) return "emulated";
  if (path.startsWith("runtime/test/")) return "contract";
  if (path.startsWith("examples/acceptance/")) return "acceptance";
  return /^(image|examples|cli)\/(.*\/)?test\/|\.container\.test\.ts$/.test(path) ? "containers" : "unit";
}

/**
 * Runs test files with node:test; a suite without a file, or a run that reports no test, fails. With a second chance, tests that fail at
 * first and not again are unsteady.
 * @see docs/decisions/0011-second-chance.md
 */
export async function runSuite(suite: Suite, progress: (text: string) => void = () => {}): Promise<Outcome> {
  const first = await runOnce(suite, progress);
  const titles = first.failed.map(({ title }) => title);
  const chance = suite.secondChance === true && titles.length > 0 && titles.length <= MAX_SECOND_CHANCES;
  if (!chance || first.failed.some(({ title, text }) => title === ITSELF || NO_CHANCE.test(text))) return first;
  const second = await runOnce({ ...suite, name: `${suite.name}-again`, concurrency: 1 }, progress, titles);
  const again = (which: "passed" | "failed", title: string) => second[which].some((test) => test.title === title);
  const isUnsteady = ({ title }: TestResult) => again("passed", title) && !again("failed", title);
  return {
    ...first,
    cost: sum([first.cost, second.cost]),
    failed: first.failed.filter((test) => !isUnsteady(test)),
    unsteady: first.failed.filter(isUnsteady),
  };
}

/** @param titles of the tests to run; all without any */
async function runOnce(
  suite: Suite,
  progress: (text: string) => void,
  titles: readonly string[] = [],
): Promise<Outcome> {
  const log = logPath(suite.name);
  // Nobody else makes it in a clone whose packages came by another way than ours.
  mkdirSync(dirname(log), { recursive: true });
  if (suite.files.length === 0) return single(ITSELF, "failed", `no test file for ${suite.name}`);
  const results: TestResult[] = [];
  const idle = new AbortController();
  const idleMs = suite.idleMs ?? suite.timeoutMs;
  const armed = (ms: number): NodeJS.Timeout => setTimeout(() => idle.abort(), ms);
  let watch = armed(BEFORE_THE_FIRST * idleMs);
  let rest = "";
  const read = (text: string, stream: "stdout" | "stderr"): void => {
    if (stream === "stderr") return;
    clearTimeout(watch);
    watch = armed(idleMs);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) results.push(JSON.parse(line) as TestResult);
    progress(`${results.length} tests`);
  };
  const patterns = titles.map((title) => `--test-name-pattern=^${title.replaceAll(/[^\w ]/g, "\\$&")}$`);
  const costs = logPath(`${suite.name}-costs`);
  rmSync(costs, { force: true });
  const args = [
    "--enable-source-maps",
    "--import",
    PRELOAD,
    "--test",
    `--test-concurrency=${suite.concurrency}`,
    ...patterns,
  ];
  const reporters = [
    ["--test-reporter=spec", `--test-reporter-destination=${log}`],
    [`--test-reporter=${REPORTER}`, "--test-reporter-destination=stdout"],
  ].flat();
  const files = suite.files.map((path) => join(top, path));
  const { code, stderr, cost } = await runMeasured(process.execPath, [...args, ...reporters, ...files], {
    cwd: top,
    env: { NODE_TEST_CONTEXT: undefined, SHIPSHAPE_COSTS: costs, ...suite.env },
    timeoutMs: suite.timeoutMs,
    signal: idle.signal,
    onOutput: read,
  });
  clearTimeout(watch);
  const outcome: Outcome = {
    passed: results.filter(({ outcome }) => outcome === "passed"),
    failed: results.filter(({ outcome }) => outcome === "failed"),
    skipped: results.filter(({ outcome }) => outcome === "skipped"),
    unsteady: [],
    cost,
    costs: costsIn(costs),
  };
  if (idle.signal.aborted) {
    const last = results.at(-1)?.title ?? "none";
    return withFailure(outcome, `no test ended for ${seconds(idleMs)}; the last one was: ${last} (log: ${log})`);
  }
  if (results.length === 0) return withFailure(outcome, `no test was run\n${stderr}`);
  if (code !== 0 && outcome.failed.length === 0) {
    return withFailure(outcome, `node --test ended with status ${code} (log: ${log})\n${stderr}`);
  }
  return outcome;
}

/** What each test cost, as the preload wrote it. */
function costsIn(path: string): TestCost[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as TestCost);
}

/** The outcome with a failure of the suite itself. */
function withFailure(outcome: Outcome, text: string): Outcome {
  const failure: TestResult = { title: ITSELF, file: "", ms: 0, outcome: "failed", text };
  return { ...outcome, failed: [...outcome.failed, failure] };
}

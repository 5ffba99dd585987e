import type { Variant } from "../runtime/compiler.ts";

/**
 * How much a run proves. `short` is what CI runs: each claim once, on the build that is shipped, and under the instrumented builds what says
 * something new there. `long` repeats: see {@link leftOut}.
 * @see docs/decisions/0012-short-suite.md
 */
export type Form = "short" | "long";

/** A build that is made to find bugs of C. */
export type Instrumented = Exclude<Variant, "release">;

/** A test file that the short form runs under instrumented builds too. */
export interface Entry {
  readonly file: string;
  readonly builds: readonly Instrumented[];
  /** What the build can find by it that the release build does not show. */
  readonly why: string;
}

const BOTH = ["asan", "gcstress"] as const;

/** Whatever else is tested tests TypeScript, which is the same bytecode in each build. */
export const instrumented: readonly Entry[] = [
  {
    file: "runtime/test/native/sys-suite.test.ts",
    builds: BOTH,
    why: "every call of the binding, its errors included",
  },
  { file: "runtime/test/native/spawn.test.ts", builds: BOTH, why: "spawn.c: what a child gets and keeps" },
  {
    file: "runtime/test/native/last-resort.test.ts",
    builds: BOTH,
    why: "last-resort.c, heap.c: restart in place, the end of the heap",
  },
  { file: "runtime/test/native/start.test.ts", builds: BOTH, why: "main.c: start, ends by an exception" },
  {
    file: "runtime/test/life/whole-life.test.ts",
    builds: BOTH,
    why: "every applet from start to end, in one life of one box",
  },
  {
    file: "runtime/test/torture/crashes.test.ts",
    builds: ["asan"],
    why: "journal, heap and pipes over restarts in place",
  },
  { file: "runtime/test/torture/fuzz.test.ts", builds: ["asan"], why: "bytes from outside on their way through C" },
];

/** What the short form hands to tests: numbers of repetitions, and `SHIPSHAPE_FORM` for those that choose by themselves. */
export const SHORT_ENV: Readonly<Record<string, string>> = {
  SHIPSHAPE_FORM: "short",
  TORTURE: "0.05",
  SHIPSHAPE_LOG_MESSAGES: "100000",
  SHIPSHAPE_FLOOD_MS: "1500",
};

/** What a short run says at its end. */
export const leftOut: readonly string[] = [
  "contract and torture under ASan, contract under GC stress: but for the files of tools/test/form.ts",
  "nineteen of twenty repetitions of deaths, orphans, crashes and fuzzing, nine of ten log messages",
  "seven of eight stretches of time in which schedules are compared with Debian's cron, most exit codes",
  "acceptance images under Podman: but for those of examples/acceptance/test/image.ts",
];

/** Floods and a million messages, at every allocation of which the heap is walked. */
const GC_STRESS_TAKES_AGES = /^runtime\/test\/(log|cron)\//;
/** It compares `lib/` with Debian's cron, and starts no binary of ours. */
const SAME_IN_EACH_BUILD = "runtime/test/cron/debian-cron.test.ts";

/**
 * The test files that a build is run with, of those of its suites.
 * @throws when a build would be made and not tested
 */
export function filesFor(form: Form, variant: Variant, files: readonly string[]): string[] {
  if (variant === "release") return [...files];
  if (form === "long") {
    const left = variant === "gcstress" ? files.filter((path) => !GC_STRESS_TAKES_AGES.test(path)) : files;
    return left.filter((path) => path !== SAME_IN_EACH_BUILD);
  }
  const chosen = instrumented.filter(({ builds }) => builds.includes(variant)).map(({ file }) => file);
  const missing = chosen.filter((file) => !files.includes(file));
  if (chosen.length === 0 || missing.length > 0) {
    const what = chosen.length === 0 ? "names no test for it" : `names ${missing.join(", ")}, which is no test file`;
    throw new Error(`cannot test the ${variant} build: tools/test/form.ts ${what}`);
  }
  return chosen;
}

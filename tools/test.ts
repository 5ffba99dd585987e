/**
 * `npm test`: everything that is known to prove the project, on a machine that has nothing but Node.js. Installs what is missing,
 * builds, runs the gate and then the suites that need the binary, its instrumented builds, or a container engine.
 * `npm test -- NAME ...` runs only the phases whose name holds one of the words, and what they need.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "../host/command.ts";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { gate } from "./check.ts";
import { openEngine } from "./containers/open-engine.ts";
import { needDebianPackages } from "./debian.ts";
import { hostArch } from "./runtime/arch.ts";
import { dist, type Variant } from "./runtime/compiler.ts";
import { contractPath, contractPoints } from "./setup/contract.ts";
import { logPath, say, seconds, top } from "./setup/places.ts";
import { needMirror } from "./test/mirror.ts";
import { type Phase, runPhases, selectPhases, tally } from "./test/phases.ts";
import { proveContract } from "./test/proof.ts";
import { runSuite, testFiles } from "./test/suite.ts";

const BUILD_LIMIT_MS = 20 * 60_000;
const SUITE_LIMIT_MS = 40 * 60_000;
/** A suite in which no test ends for this long hangs; times the scale of its deadlines. */
const SUITE_IDLE_MS = 4 * 60_000;
/** What the suites compare ours with, write clients in, take as clients, and need for that. */
const SUITE_PACKAGES = ["runit", "python3", "gcc", "gccgo", "libc6-dev", "nginx", "busybox", "logrotate"];
/** Deadlines of the suites are multiplied by this: phases share the processors, and instrumented binaries are slower. */
const TIME_SCALE: Readonly<Record<Variant, number>> = { release: 2, asan: 4, gcstress: 4 };
/** Freed memory is given back soon, so that what grows is a leak. */
const ASAN_OPTIONS = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";

/** Floods and a million messages, at every allocation of which the heap is walked. */
const GC_STRESS_TAKES_AGES = /^runtime\/test\/(log|cron)\//;

/** It compares `lib/` with Debian's cron, and starts no binary of ours. */
const SAME_IN_EACH_BUILD = "runtime/test/cron/debian-cron.test.ts";

/** The test files of a suite that say something about a build. */
function filesFor(kind: "contract" | "torture", variant: Variant): string[] {
  const files = testFiles(kind);
  if (variant === "release") return files;
  const left = variant === "gcstress" ? files.filter((path) => !GC_STRESS_TAKES_AGES.test(path)) : files;
  return left.filter((path) => path !== SAME_IN_EACH_BUILD);
}

/** What one phase opens and later ones use. */
const shared: { engine?: HostEngine; close?: () => Promise<void> } = {};

/** Runs one of the repository's commands as its user would; what it says is shown. */
function command(name: string, script: string, args: readonly string[] = [], needs: readonly string[] = []): Phase {
  return {
    name,
    needs,
    run: async () => {
      const { code } = await run(process.execPath, ["tools/run.mjs", script, ...args], {
        cwd: top,
        env: shared.engine?.env ?? {},
        timeoutMs: BUILD_LIMIT_MS,
        logPath: logPath(name.replaceAll(/\W+/g, "-").replace(/-$/, "")),
        onOutput: (text, stream) => {
          if (stream === "stderr") for (const line of text.trimEnd().split("\n")) say(`    ${name}: ${line}`);
        },
      });
      if (code !== 0) throw new Error(`${script} ended with status ${code}: its messages stand above`);
      return undefined;
    },
  };
}

/** A build of the binary, and the suites that boot it as PID 1 in a namespace. */
function runtimePhases(variant: Variant): Phase[] {
  const build = `build runtime (${variant})`;
  const env = {
    SHIPSHAPE_BINARY: join(dist({ arch: hostArch(), variant }), "shipshape"),
    SHIPSHAPE_TIME_SCALE: String(TIME_SCALE[variant]),
    ASAN_OPTIONS,
  };
  const suite = (kind: "contract" | "torture"): Phase => ({
    name: `${kind} (${variant})`,
    needs: [build],
    run: async (progress) => {
      await needDebianPackages(SUITE_PACKAGES);
      const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: SUITE_IDLE_MS * TIME_SCALE[variant], secondChance: true };
      // The contract's tests mostly wait; torture takes all that it gets.
      const concurrency = kind === "contract" ? 2 : 1;
      const files = filesFor(kind, variant);
      return runSuite({ name: `${kind}-${variant}`, files, env, concurrency, ...limits }, progress);
    },
  });
  return [
    command(build, "tools/build-runtime.ts", ["--variant", variant, "--tests"]),
    suite("contract"),
    ...(variant === "gcstress" ? [] : [suite("torture")]),
  ];
}

/** The binary for the architecture that this machine does not have, in an emulator. */
function emulatedPhases(): Phase[] {
  const arch = hostArch() === "amd64" ? "arm64" : "amd64";
  const build = `build runtime (${arch})`;
  return [
    command(build, "tools/build-runtime.ts", ["--arch", arch, "--tests"]),
    {
      name: `emulated (${arch})`,
      needs: [build],
      run: (progress) => {
        const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: SUITE_IDLE_MS };
        return runSuite({ name: "emulated", files: testFiles("emulated"), concurrency: 1, ...limits }, progress);
      },
    },
  ];
}

/** The base image and the tests that run it. */
function containerPhases(): Phase[] {
  const suite = (kind: "containers" | "acceptance", concurrency: number): Phase => ({
    name: kind,
    needs: ["build image"],
    run: (progress) => {
      // Whole images are built between two tests.
      const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: 2 * SUITE_IDLE_MS, secondChance: true };
      const env = shared.engine?.env ?? {};
      return runSuite({ name: kind, files: testFiles(kind), env, concurrency, ...limits }, progress);
    },
  });
  return [
    {
      name: "container engine",
      run: async () => {
        Object.assign(shared, await openEngine());
        return undefined;
      },
    },
    {
      name: "reach of a mirror",
      needs: ["container engine"],
      run: async () => {
        if (shared.engine !== undefined) await needMirror(shared.engine);
        return undefined;
      },
    },
    command("build image", "image/build.ts", [], ["reach of a mirror", "build runtime (release)"]),
    suite("containers", 1),
    suite("acceptance", 2),
  ];
}

const start = performance.now();
try {
  const wanted = process.argv.slice(2);
  const phases = selectPhases(
    [
      ...runtimePhases("release"),
      ...gate(),
      ...containerPhases(),
      ...emulatedPhases(),
      ...runtimePhases("asan"),
      ...runtimePhases("gcstress"),
    ],
    wanted,
  );
  const outcomes = await runPhases(phases, { slots: availableParallelism() });
  const points = contractPoints(readFileSync(join(top, contractPath), "utf8"));
  if (wanted.length === 0) outcomes.set("contract", proveContract(points, [...outcomes.values()]));
  for (const [phase, { failed, unsteady }] of outcomes) {
    for (const { title } of unsteady) say(`↻ ${phase}: ${title}: failed at first, passed when run again`);
    for (const { title } of failed) say(`✖ ${phase}: ${title}`);
  }
  say(`all phases took ${seconds(performance.now() - start)}`);
  console.log(tally(outcomes.values()));
  process.exitCode = [...outcomes.values()].some(({ failed }) => failed.length > 0) ? 1 : 0;
} finally {
  await shared.close?.();
}

import { join } from "node:path";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { gate } from "../check.ts";
import { openEngine } from "../containers/open-engine.ts";
import { needDebianPackages } from "../debian.ts";
import { hostArch } from "../runtime/arch.ts";
import { dist, type Variant } from "../runtime/compiler.ts";
import { logPath, say, top } from "../setup/places.ts";
import { runMeasured } from "./cost.ts";
import { type Form, filesFor, type Instrumented, SHORT_ENV } from "./form.ts";
import { needMirror } from "./mirror.ts";
import { type Phase, single } from "./phases.ts";
import { runSuite, testFiles } from "./suite.ts";

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

/** What one phase opens and later ones use. */
const shared: { engine?: HostEngine; close?: (() => Promise<void>) | undefined } = {};

/** All phases of `npm test`, in the order in which they begin. */
export function plan(form: Form): Phase[] {
  return [
    ...releasePhases(form),
    ...gate(),
    ...containerPhases(form),
    ...emulatedPhases(form),
    ...instrumentedPhases(form, "asan"),
    ...instrumentedPhases(form, "gcstress"),
  ];
}

/** Ends what phases have opened. */
export async function closePlan(): Promise<void> {
  const { close } = shared;
  shared.close = undefined;
  await close?.();
}

/** Runs one of the repository's commands as its user would; what it says is shown. */
function command(name: string, script: string, args: readonly string[] = [], needs: readonly string[] = []): Phase {
  return {
    name,
    needs,
    run: async () => {
      const { code, cost } = await runMeasured(process.execPath, ["tools/run.mjs", script, ...args], {
        cwd: top,
        env: shared.engine?.env ?? {},
        timeoutMs: BUILD_LIMIT_MS,
        logPath: logPath(name.replaceAll(/\W+/g, "-").replace(/-$/, "")),
        onOutput: (text, stream) => {
          if (stream === "stderr") for (const line of text.trimEnd().split("\n")) say(`    ${name}: ${line}`);
        },
      });
      if (code === 0) return single(name, "passed", "", cost);
      return single(name, "failed", `${script} ended with status ${code}: its messages stand above`, cost);
    },
  };
}

function formEnv(form: Form): Readonly<Record<string, string>> {
  return form === "short" ? SHORT_ENV : {};
}

/** @param args of the build */
function build(name: string, ...args: readonly string[]): Phase {
  return command(`build runtime (${name})`, "tools/build-runtime.ts", [...args, "--tests"]);
}

/** A suite that boots a binary as PID 1 in a namespace. */
function suite(form: Form, name: string, variant: Variant, files: readonly string[], concurrency: number): Phase {
  const env = {
    ...formEnv(form),
    SHIPSHAPE_BINARY: join(dist({ arch: hostArch(), variant }), "shipshape"),
    SHIPSHAPE_TIME_SCALE: String(TIME_SCALE[variant]),
    ASAN_OPTIONS,
  };
  return {
    name: `${name} (${variant})`,
    needs: [`build runtime (${variant})`],
    run: async (progress) => {
      await needDebianPackages(SUITE_PACKAGES);
      const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: SUITE_IDLE_MS * TIME_SCALE[variant], secondChance: true };
      return runSuite({ name: `${name}-${variant}`, files, env, concurrency, ...limits }, progress);
    },
  };
}

function releasePhases(form: Form): Phase[] {
  return [
    build("release", "--variant", "release"),
    // The contract's tests mostly wait; torture takes all that it gets.
    suite(form, "contract", "release", testFiles("contract"), 2),
    suite(form, "torture", "release", testFiles("torture"), 1),
  ];
}

/** An instrumented build, and what is run with it: there is no way to name the one without the other. */
function instrumentedPhases(form: Form, variant: Instrumented): Phase[] {
  const [contract, torture] = [testFiles("contract"), testFiles("torture")];
  const suites =
    form === "short"
      ? [suite(form, "instrumented", variant, filesFor(form, variant, [...contract, ...torture]), 2)]
      : [
          suite(form, "contract", variant, filesFor(form, variant, contract), 2),
          ...(variant === "gcstress" ? [] : [suite(form, "torture", variant, filesFor(form, variant, torture), 1)]),
        ];
  return [build(variant, "--variant", variant), ...suites];
}

/** The binary for the architecture that this machine does not have, in an emulator. */
function emulatedPhases(form: Form): Phase[] {
  const arch = hostArch() === "amd64" ? "arm64" : "amd64";
  return [
    build(arch, "--arch", arch),
    {
      name: `emulated (${arch})`,
      needs: [`build runtime (${arch})`],
      run: (progress) => {
        const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: SUITE_IDLE_MS };
        const files = testFiles("emulated");
        return runSuite({ name: "emulated", files, env: formEnv(form), concurrency: 1, ...limits }, progress);
      },
    },
  ];
}

/** The base image and the tests that run it. */
function containerPhases(form: Form): Phase[] {
  const suite = (kind: "containers" | "acceptance", concurrency: number): Phase => ({
    name: kind,
    needs: ["build image"],
    run: (progress) => {
      // Whole images are built between two tests.
      const limits = { timeoutMs: SUITE_LIMIT_MS, idleMs: 2 * SUITE_IDLE_MS, secondChance: true };
      const env = { ...formEnv(form), ...shared.engine?.env };
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

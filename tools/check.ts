/** The gate: types, style, dead code, the repository's own checks, unit tests. `npm run check`. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { projectFiles } from "./setup/files.ts";
import { isMain } from "./setup/main.ts";
import { top } from "./setup/places.ts";
import { runMeasured } from "./test/cost.ts";
import { type Phase, runPhases, single, tally } from "./test/phases.ts";
import { runSuite, testFiles } from "./test/suite.ts";

/** Against what hangs: a slow machine is no failure. */
const TOOL_LIMIT_MS = 30 * 60_000;
const UNIT_LIMIT_MS = 60 * 60_000;
const UNIT_IDLE_MS = 20 * 60_000;
const TYPE_PROJECTS = ["lib", "runtime", "."];

/** A phase that fails when a program of an npm package does; its output says why. */
function tool(name: string, program: string, ...args: string[]): Phase {
  return command(name, join(top, "node_modules/.bin", program), args);
}

function command(name: string, program: string, args: readonly string[]): Phase {
  return {
    name,
    run: async () => {
      const limits = { cwd: top, timeoutMs: TOOL_LIMIT_MS };
      const { code, stdout, stderr, cost } = await runMeasured(program, args, limits);
      if (code === 0) return single(name, "passed", "", cost);
      return single(name, "failed", `${stdout}${stderr}`.trim() || `${program} ended with status ${code}`, cost);
    },
  };
}

/** The gate's phases; every `tools/checks/check-*.ts` is one. */
export function gate(): Phase[] {
  const checks = projectFiles(join(top, "tools/checks"), ".ts").filter((path) => /^check-[\w-]+\.ts$/.test(path));
  return [
    ...TYPE_PROJECTS.map((project) => tool(`types: ${project}`, "tsc", "--project", project)),
    tool("style", "biome", "check", "--error-on-warnings", "--diagnostic-level=warn"),
    tool("dead code", "knip"),
    ...checks.map((path) =>
      command(path.slice(0, -".ts".length), process.execPath, ["tools/run.mjs", `tools/checks/${path}`]),
    ),
    {
      name: "unit tests",
      run: (progress) =>
        runSuite(
          { name: "unit", files: testFiles("unit"), concurrency: 2, timeoutMs: UNIT_LIMIT_MS, idleMs: UNIT_IDLE_MS },
          progress,
        ),
    },
  ];
}

if (isMain(import.meta.url)) {
  const outcomes = await runPhases(gate(), { slots: availableParallelism() });
  console.log(tally(outcomes.values()));
  process.exitCode = [...outcomes.values()].some(({ failed }) => failed.length > 0) ? 1 : 0;
}

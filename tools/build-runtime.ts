// Builds the runtime's static binary: TypeScript -> one script per command -> QuickJS bytecode -> C -> musl.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { appletTable, bundleApplets, bytecode } from "./runtime/applets.ts";
import { type Arch, hostArch, toolchains } from "./runtime/arch.ts";
import { pruneCache } from "./runtime/cached.ts";
import { Compiler, dist, type Target, type Variant, variants } from "./runtime/compiler.ts";
import { fetchSources } from "./runtime/sources.ts";
import { isMain } from "./setup/main.ts";
import { say, top } from "./setup/places.ts";

/** Builds one target. @returns path of the binary */
export async function buildRuntime(
  target: Target,
  appletDir = join(top, "runtime/src/applets"),
  outDir = dist(target),
): Promise<string> {
  const [sources, applets] = await Promise.all([fetchSources(), bundleApplets(appletDir)]);
  const qjsc = await (await Compiler.for(sources, { arch: hostArch(), variant: "release" })).qjsc();
  const frozen = target.variant === "release" ? applets.find((applet) => applet.frozen) : undefined;
  const compiler = await Compiler.for(sources, target);
  const linked = await compiler.runtime(await appletTable(applets, qjsc, frozen));
  const built = frozen ? await compiler.freeze(linked, frozen.name, await bytecode(frozen, qjsc)) : linked;

  const binary = join(outDir, "shipshape");
  mkdirSync(outDir, { recursive: true });
  if (!existsSync(binary) || !readFileSync(binary).equals(readFileSync(built))) {
    // By rename: the old one may be running.
    const unfinished = `${binary}.${process.pid}`;
    copyFileSync(built, unfinished);
    renameSync(unfinished, binary);
  }
  for (const { name, sourceMap } of applets) writeFileSync(join(outDir, `${name}.js.map`), sourceMap);
  return binary;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", default: hostArch() },
      variant: { type: "string", default: "release" },
      tests: { type: "boolean", default: false },
    },
  });
  const arches = Object.keys(toolchains) as Arch[];
  const variant = oneOf<Variant>("--variant", values.variant, variants);
  const arch = oneOf<Arch | "all">("--arch", values.arch, [...arches, "all"]);
  for (const one of arch === "all" ? arches : [arch]) {
    const target: Target = { arch: one, variant };
    const binaries = [await buildRuntime(target)];
    if (values.tests) binaries.push(await buildTestApplets(target));
    for (const binary of binaries) {
      say(`${binary.slice(top.length + 1)}: ${Math.round(readFileSync(binary).length / 1000)} kB`);
    }
  }
  pruneCache();
}

/** The same runtime with the applets that tests drive it by. @returns path of the binary */
function buildTestApplets(target: Target): Promise<string> {
  return buildRuntime(target, join(top, "runtime/test/applets"), join(dist(target), "tests"));
}

function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((name) => name === value);
  if (found === undefined) throw new Error(`cannot build with ${option} ${value}: it is one of ${known.join(", ")}`);
  return found;
}

if (isMain(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

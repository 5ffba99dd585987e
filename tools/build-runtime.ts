// Builds the runtime's static binary: TypeScript -> one script per command -> QuickJS bytecode -> C -> musl.
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { appletTable, bundleApplets } from "./runtime/applets.ts";
import { type Arch, hostArch } from "./runtime/arch.ts";
import { Compiler, dist, type Target, type Variant } from "./runtime/compiler.ts";
import { fetchSources } from "./runtime/sources.ts";
import { say, top } from "./setup/places.ts";

/** Builds one target. @returns path of the binary */
export async function buildRuntime(
  target: Target,
  appletDir = join(top, "runtime/src/applets"),
  outDir = dist(target),
): Promise<string> {
  const [sources, applets] = await Promise.all([fetchSources(), bundleApplets(appletDir)]);
  const host = await Compiler.for(sources, { arch: hostArch(), variant: "release" });
  const table = await appletTable(applets, await host.qjsc());
  const built = await (await Compiler.for(sources, target)).runtime(table);

  const binary = join(outDir, "shipshape");
  if (!existsSync(binary) || !readFileSync(binary).equals(readFileSync(built))) {
    // By rename: the old one may be running.
    copyFileSync(built, `${binary}.new`);
    renameSync(`${binary}.new`, binary);
  }
  for (const { name, sourceMap } of applets) writeFileSync(join(outDir, `${name}.js.map`), sourceMap);
  return binary;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { arch: { type: "string", default: hostArch() }, variant: { type: "string", default: "release" } },
  });
  const arches = values.arch === "all" ? ["amd64", "arm64"] : [values.arch];
  for (const arch of arches) {
    const target = { arch: arch as Arch, variant: values.variant as Variant };
    const binary = await buildRuntime(target);
    say(`${binary.slice(top.length + 1)}: ${Math.round(readFileSync(binary).length / 1000)} kB`);
  }
}

if (import.meta.filename === process.argv[1]) await main();

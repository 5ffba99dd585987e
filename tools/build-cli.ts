// Builds the host command: one JavaScript file that any Node.js 20 runs, and its links. `npm run build:cli`.
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { isMain } from "./setup/main.ts";
import { say, top } from "./setup/places.ts";

/** Builds into `directory`. @returns path of the program */
export async function buildCli(directory = join(top, "dist/cli")): Promise<string> {
  const { version, bin } = JSON.parse(readFileSync(join(top, "package.json"), "utf8"));
  const program = join(directory, "shipshape");
  mkdirSync(directory, { recursive: true });
  await build({
    entryPoints: [join(top, "cli/main.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    target: "node20",
    // Without an ending in its name Node.js takes a file for CommonJS, unless a package.json says otherwise: this one does not.
    format: "cjs",
    banner: { js: "#!/usr/bin/env node" },
    define: { VERSION: JSON.stringify(version) },
  });
  chmodSync(program, 0o755);
  writeFileSync(join(directory, "package.json"), '{ "type": "commonjs" }\n');
  for (const name of Object.keys(bin)) {
    if (name === "shipshape") continue;
    rmSync(join(directory, name), { force: true });
    symlinkSync("shipshape", join(directory, name));
  }
  return program;
}

if (isMain(import.meta.url)) {
  const program = await buildCli();
  say(`${program.slice(top.length + 1)}: ${Math.round(readFileSync(program).length / 1000)} kB`);
}

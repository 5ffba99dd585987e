/**
 * The lock file works behind any mirror and on any system: it names no registry, and holds every package that one of its packages may
 * need on another system. npm writes a lock file without those that its mirror lacks, and newer npms refuse to install from it.
 * Run: `node tools/run.mjs tools/checks/check-lockfile.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/** What of `package-lock.json` is looked at. */
export interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly resolved?: string; readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >;
}

/** One line per package that names where it came from, and per optional dependency that the file does not hold. */
export function lockfileFindings({ packages }: Lockfile): string[] {
  const paths = Object.keys(packages);
  if (paths.length === 0) return ["no package was seen: this check sees nothing"];
  return Object.entries(packages).flatMap(([path, { resolved, optionalDependencies = {} }]) => [
    ...(resolved === undefined
      ? []
      : [`${path}: names a registry: npm install with this repository's .npmrc leaves it out`]),
    ...Object.keys(optionalDependencies)
      .filter((name) => !paths.some((other) => other.endsWith(`node_modules/${name}`)))
      .map(
        (name) =>
          `${path}: its optional ${name} is not in the lock file: take a version that the registry has for every system`,
      ),
  ]);
}

if (isMain(import.meta.url)) {
  const lockfile = JSON.parse(readFileSync(join(top, "package-lock.json"), "utf8")) as Lockfile;
  verdict(lockfileFindings(lockfile), `${Object.keys(lockfile.packages).length} packages`);
}

/**
 * The one direction of imports: every folder may import from the folders that its rule names, and no files import each other in a
 * circle. Run: `node tools/run.mjs tools/check-layers.ts`.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectFiles } from "./setup/files.ts";
import { importedNames } from "./setup/imports.ts";
import { isMain } from "./setup/main.ts";
import { top } from "./setup/places.ts";
import { verdict } from "./setup/verdict.ts";

/** What the files under `path` may import besides each other: folders or files, and `packages` (npm's and Node's). */
export interface Layer {
  readonly path: string;
  readonly may: readonly string[];
}

const NODE = "packages";

/** From the bottom up. A path belongs to the longest `path` that it starts with. */
export const layers: readonly Layer[] = [
  { path: "lib", may: [] },
  { path: "runtime/src/sys.ts", may: [] },
  { path: "runtime/src/sys-fake.ts", may: ["runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/kernel", may: ["runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/supervise", may: ["runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/init", may: ["runtime/src/supervise", "runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/sv", may: ["runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/log", may: ["runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/setuser", may: ["runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/chpst", may: ["runtime/src/kernel", "runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/applets", may: ["runtime/src", "lib"] },
  { path: "runtime/test", may: ["runtime/src", "lib", NODE] },
  { path: "tools", may: ["lib", NODE] },
  { path: "image", may: ["tools", "lib", NODE] },
  { path: "image/test", may: ["image", "runtime/test", "tools", "lib", NODE] },
  { path: "examples", may: ["image", "runtime/test", "tools", NODE] },
  { path: "bench", may: ["tools", "lib", NODE] },
];

/** Unit tests stand beside their source and may use what tests use: packages, and the stand-in for the kernel. */
const TESTS_MAY = [NODE, "runtime/src/sys-fake.ts"];

/**
 * @param files their paths from the repository's root, and their texts
 * @returns one line per import that breaks a rule, per circle, per file without a rule and per rule without a file
 */
export function layerFindings(files: ReadonlyMap<string, string>, rules: readonly Layer[]): string[] {
  const findings: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, text] of files) {
    const rule = ruleOf(path, rules);
    if (rule === undefined) {
      findings.push(`${path}: no layer holds this file; add its folder to the rules in tools/check-layers.ts`);
      continue;
    }
    const targets: string[] = [];
    for (const name of importedNames(path, text)) {
      const target = name.startsWith(".") ? join(dirname(path), name) : NODE;
      if (!mayImport(path, rule, target)) findings.push(`${path}: ${rule.path} must not import ${name}`);
      if (target === NODE) continue;
      if (!files.has(target))
        findings.push(`${path}: imports ${name}, which is no file (a relative import carries its ending)`);
      targets.push(target);
    }
    graph.set(path, targets);
  }
  for (const { path } of rules) {
    if (![...files.keys()].some((file) => isUnder(file, path)))
      findings.push(`${path}: the rule's folder holds no file`);
  }
  if (![...graph.values()].some((targets) => targets.length > 0))
    findings.push("not one import was seen: this check sees nothing");
  return [...findings, ...circles(graph).map((circle) => `import circle: ${circle.join(" → ")}`)];
}

function mayImport(path: string, rule: Layer, target: string): boolean {
  const may = /\.test\.ts$/.test(path) ? [...rule.may, ...TESTS_MAY] : rule.may;
  return [rule.path, ...may].some((allowed) => isUnder(target, allowed));
}

function ruleOf(path: string, rules: readonly Layer[]): Layer | undefined {
  return rules.filter((rule) => isUnder(path, rule.path)).sort((a, b) => b.path.length - a.path.length)[0];
}

function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** One circle, first file repeated at its end, for every import that leads back to a file on the way to it. */
export function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    way.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    way.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

if (isMain(import.meta.url)) {
  const paths = projectFiles(top, ".ts", ".mjs").filter((path) => path.includes("/"));
  const files = new Map(paths.map((path) => [path, readFileSync(join(top, path), "utf8")]));
  verdict(layerFindings(files, layers), `${files.size} files`);
}

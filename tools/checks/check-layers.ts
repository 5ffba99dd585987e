/**
 * The one direction of imports: every folder may import from the folders that its rule names, and no files import each other in a
 * circle. Run: `node tools/run.mjs tools/checks/check-layers.ts`.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectFiles } from "../setup/files.ts";
import { importedNames } from "../setup/imports.ts";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/** What the files under `path` may import besides each other: folders or files, and `packages` (npm's and Node's). */
export interface Layer {
  readonly path: string;
  readonly may: readonly string[];
}

const PACKAGES = "packages";
/** The stand-in for the kernel, for unit tests and what they share (`*.fixture.ts`), wherever they are. */
const FAKE = "runtime/src/fake";
const BASE = ["runtime/src/base", "runtime/src/sys.ts", "lib"];

/** From the bottom up. A path belongs to the longest rule that holds it; `folder/*` is a rule for each folder in it on its own. */
export const layers: readonly Layer[] = [
  { path: "lib/text", may: [] },
  { path: "lib/linux", may: ["lib/text"] },
  { path: "lib/*", may: ["lib/text", "lib/linux"] },
  { path: "runtime/src/sys.ts", may: [] },
  { path: "runtime/src/base", may: ["runtime/src/sys.ts", "lib"] },
  { path: "runtime/src/supervise", may: BASE },
  { path: "runtime/src/init", may: ["runtime/src/supervise", ...BASE] },
  // It has a supervisor on it, for tests.
  { path: FAKE, may: ["runtime/src/supervise", ...BASE] },
  // The other programs of the binary know nothing of each other.
  { path: "runtime/src/*", may: BASE },
  { path: "runtime/src/applets", may: ["runtime/src", "lib"] },
  { path: "runtime/test", may: ["runtime/src", "host", "lib", "tools", PACKAGES] },
  { path: "host", may: ["lib", PACKAGES] },
  { path: "cli", may: ["host", "lib", PACKAGES] },
  { path: "cli/test", may: ["cli", "host", "image", "runtime/test", "tools", PACKAGES] },
  { path: "tools", may: ["host", "lib", PACKAGES] },
  { path: "image", may: ["runtime/test", "host", "tools", "lib", PACKAGES] },
  { path: "examples", may: ["image", "runtime/test", "host", "tools", PACKAGES] },
  { path: "bench", may: ["image", "host", "tools", "lib", PACKAGES] },
];

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
      findings.push(`${path}: no layer holds this file; add its folder to the rules in tools/checks/check-layers.ts`);
      continue;
    }
    const targets: string[] = [];
    for (const name of importedNames(path, text)) {
      const target = name.startsWith(".") ? join(dirname(path), name) : PACKAGES;
      if (!mayImport(path, rule, target)) findings.push(`${path}: ${rule.path} must not import ${name}`);
      if (target === PACKAGES) continue;
      if (!files.has(target))
        findings.push(`${path}: imports ${name}, which is no file (a relative import carries its ending)`);
      targets.push(target);
    }
    graph.set(path, targets);
  }
  for (const { path } of rules) {
    if (![...files.keys()].some((file) => isUnder(file, path.replace(/\/\*$/, ""))))
      findings.push(`${path}: the rule's folder holds no file`);
  }
  if (![...graph.values()].some((targets) => targets.length > 0))
    findings.push("not one import was seen: this check sees nothing");
  return [...findings, ...circles(graph).map((circle) => `import circle: ${circle.join(" → ")}`)];
}

function mayImport(path: string, rule: Layer, target: string): boolean {
  const may = /\.(test|fixture)\.ts$/.test(path) ? [...rule.may, PACKAGES, FAKE] : rule.may;
  return [rule.path, ...may].some((allowed) => isUnder(target, allowed));
}

/** The rule of a file, with the folder that it stands for here; unit tests beside their source have its rule. */
function ruleOf(path: string, rules: readonly Layer[]): Layer | undefined {
  const holding = rules.flatMap(({ path: pattern, may }) => {
    const folder = pattern.endsWith("/*") ? folderBelow(pattern.slice(0, -2), path) : pattern;
    return folder !== null && isUnder(path, folder) ? [{ path: folder, may, exact: folder === pattern }] : [];
  });
  return holding.sort((a, b) => b.path.length - a.path.length || Number(b.exact) - Number(a.exact))[0];
}

/** The folder directly below another on the way to a file; `null` when the file is not below, or directly in it. */
function folderBelow(folder: string, path: string): string | null {
  const [name, file] = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split("/") : [];
  return file === undefined ? null : `${folder}/${name}`;
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

/**
 * The native side stays small: policy belongs into TypeScript. Run: `node tools/run.mjs tools/checks/check-c-budget.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFiles } from "../setup/files.ts";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/**
 * Lines of C in runtime/native, headers, comments and blank lines included. docs/decisions/0018 says what each file's lines buy.
 */
const BUDGET_LINES = 1106;

/** @returns one line that names every file's share when all together exceed the budget, or when there is no C at all */
export function budgetFindings(files: ReadonlyMap<string, string>, budget: number): string[] {
  if (files.size === 0) return ["no C was seen: this check sees nothing"];
  const counts = [...files].map(([path, text]) => [path, text.split("\n").length - 1] as const);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  if (total <= budget) return [];
  return [
    `${total} lines of C are more than ${budget}: ${counts.map(([path, count]) => `${path} ${count}`).join(", ")}`,
  ];
}

if (isMain(import.meta.url)) {
  const paths = projectFiles(join(top, "runtime/native"), ".c", ".h");
  const files = new Map(paths.map((path) => [path, readFileSync(join(top, "runtime/native", path), "utf8")]));
  verdict(budgetFindings(files, BUDGET_LINES), `${files.size} files`);
}

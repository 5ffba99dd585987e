/**
 * Every point of docs/contract.md that is held has a test whose title starts with its id, and no title has an id that is not there.
 * Run: `node tools/run.mjs tools/checks/check-contract.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { type ContractPoint, contractPath, contractPoints, idsOfTitle } from "../setup/contract.ts";
import { projectFiles } from "../setup/files.ts";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/**
 * Titles of the tests in a file: literal first arguments of calls that are not skipped by name (`test.skip`, `it.todo`). Of a template
 * the text before its first expression.
 */
export function testTitles(path: string, text: string): string[] {
  const titles: string[] = [];
  new Visitor({
    CallExpression: ({ callee, arguments: [first] }) => {
      const property =
        callee.type === "MemberExpression" && callee.property.type === "Identifier" ? callee.property.name : "";
      if (first === undefined || property === "skip" || property === "todo") return;
      if (first.type === "Literal" && typeof first.value === "string") titles.push(first.value);
      if (first.type === "TemplateLiteral") titles.push(first.quasis[0]?.value.cooked ?? "");
    },
  }).visit(parseSync(path, text).program);
  return titles;
}

/**
 * @param tests test files' paths and texts
 * @returns one line per held point without a test, and per title with an unknown id
 */
export function contractFindings(points: readonly ContractPoint[], tests: ReadonlyMap<string, string>): string[] {
  const findings: string[] = [];
  const tested = new Set<string>();
  for (const [path, text] of tests) {
    for (const title of testTitles(path, text)) {
      for (const id of idsOfTitle(title)) {
        tested.add(id);
        if (!points.some((point) => point.id === id))
          findings.push(`${path}: "${title}" names ${id}, which is not in ${contractPath}`);
      }
    }
  }
  for (const { id, state } of points) {
    if (state === "held" && !tested.has(id))
      findings.push(`${contractPath}: ${id} is held, but no test's title starts with ${id}`);
  }
  return findings;
}

if (isMain(import.meta.url)) {
  const points = contractPoints(readFileSync(join(top, contractPath), "utf8"));
  const paths = projectFiles(top, ".test.ts").filter((path) => !path.startsWith("tools/"));
  const tests = new Map(paths.map((path) => [path, readFileSync(join(top, path), "utf8")]));
  verdict(contractFindings(points, tests), `${points.length} points and ${tests.size} test files`);
}

// Preload of every process that node:test starts for a test file: it can load TypeScript, and appends to the file that SHIPSHAPE_COSTS
// names one JSON line per test and one for itself, with the processor time that they and their children took.
import { appendFileSync, readFileSync } from "node:fs";
import module from "node:module";
import { relative } from "node:path";
import { afterEach, beforeEach } from "node:test";

/** @typedef {{ title: string, file: string, ms: number }} TestCost `title` is empty for the whole file */

const { SHIPSHAPE_COSTS: costs, NODE_TEST_CONTEXT: context } = process.env;
const TICK_MS = 10;

module.register("./transpiled.mjs", import.meta.url);
if (costs !== undefined && context !== undefined) measure(costs);

/** @param {string} path */
function measure(path) {
  /** @type {TestCost[]} */
  const lines = [];
  const file = relative(process.cwd(), process.argv[1] ?? "");
  /** @type {number[]} */
  const began = [];
  beforeEach(() => {
    began.push(cost());
  });
  afterEach((test) => {
    lines.push({ title: "name" in test ? String(test.name) : "", file, ms: cost() - (began.pop() ?? 0) });
  });
  process.on("exit", () => {
    lines.push({ title: "", file, ms: cost() });
    appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });
}

/** @returns {number} */
function cost() {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) * TICK_MS;
}

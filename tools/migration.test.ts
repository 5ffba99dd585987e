import { deepEqual, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contractPath, contractPoints } from "./setup/contract.ts";
import { top } from "./setup/places.ts";

test("docs/migration.md gives a reason for every difference", () => {
  const text = readFileSync(join(top, "docs/migration.md"), "utf8");
  const rows = text.split("\n").filter((line) => /^\| A\d+ \|/.test(line));
  deepEqual(
    rows.filter((row) => (row.split(/(?<!\\)\|/).at(-2) ?? "").trim() === ""),
    [],
  );
  ok(rows.length > 30, `${rows.length} rows were seen`);
});

test("docs/migration.md says of every point of the contract whether the original differs", () => {
  const text = readFileSync(join(top, "docs/migration.md"), "utf8");
  const named = new Set(text.slice(text.indexOf("## Point by point")).match(/\bA\d+\b/g));
  const ids = contractPoints(readFileSync(join(top, contractPath), "utf8")).map(({ id }) => id);
  deepEqual([...named].sort(), ids.sort());
});

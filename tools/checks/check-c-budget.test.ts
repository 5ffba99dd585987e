import assert from "node:assert/strict";
import test from "node:test";
import { budgetFindings } from "./check-c-budget.ts";

const files = new Map([
  ["a.c", "1\n2\n3\n"],
  ["b.h", "1\n"],
]);

test("budgetFindings() finds nothing when the lines are within the budget", () => {
  assert.deepEqual(budgetFindings(files, 4), []);
});

test("budgetFindings() names every file's share when there are more", () => {
  assert.deepEqual(budgetFindings(files, 3), ["4 lines of C are more than 3: a.c 3, b.h 1"]);
});

test("budgetFindings() fails when it sees no file", () => {
  assert.deepEqual(budgetFindings(new Map(), 3), ["no C was seen: this check sees nothing"]);
});

import assert from "node:assert/strict";
import test from "node:test";
import { budgetOf, budgets } from "./budgets.ts";
import { plan } from "./plan.ts";

test("budgets name phases of the short form, each build and suite among them", () => {
  const phases = plan("short").map(({ name }) => name.replace("(amd64)", "(arm64)"));
  assert.deepEqual(
    Object.keys(budgets).filter((name) => !phases.includes(name)),
    [],
  );
  const large = phases.filter((name) =>
    /^(build|contract|torture|instrumented|emulated|containers|acceptance)/.test(name),
  );
  assert.deepEqual(
    large.filter((name) => !(name in budgets)),
    [],
  );
});

test("budgetOf() gives every phase one", () => {
  for (const { name } of plan("short")) assert.ok(budgetOf(name).user > 0, name);
});

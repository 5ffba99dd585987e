import assert from "node:assert/strict";
import test from "node:test";
import { single } from "./phases.ts";
import { proveContract } from "./proof.ts";

const points = [
  { id: "A01", state: "held" },
  { id: "A02", state: "held" },
  { id: "A95", state: "planned" },
] as const;
const passed = ["A01 a", "A02 b"].map((title) => single(title, "passed", ""));

test("proveContract() passes when every held point has a test that passed", () => {
  assert.equal(proveContract(points, passed).failed.length, 0);
});

test("proveContract() takes a test that passed when it was run again", () => {
  const [first, second] = passed;
  const unsteady = { ...single("", "failed", ""), failed: [], unsteady: second?.passed ?? [] };
  assert.equal(proveContract(points, [first ?? unsteady, unsteady]).failed.length, 0);
});

for (const [situation, outcomes] of Object.entries({
  "was skipped": [single("A01 a", "passed", ""), single("A02 b", "skipped", "")],
  "was not run": [single("A01 a", "passed", "")],
  "failed elsewhere": [...passed, single("A02 under asan", "failed", "")],
})) {
  test(`proveContract() fails when a point's test ${situation}`, () => {
    assert.match(proveContract(points, outcomes).failed[0]?.title ?? "", /: A02$/);
  });
}

import assert from "node:assert/strict";
import test from "node:test";
import { childrenCost, costSoFar, runMeasured, total } from "./cost.ts";

test("childrenCost() reads the children's line of the shell's times", () => {
  assert.deepEqual(childrenCost("0m0.010000s 0m0.020000s\n1m2.500000s 0m0.250000s\n"), { user: 62_500, system: 250 });
  assert.deepEqual(childrenCost(""), { user: 0, system: 0 });
});

test("costSoFar() adds up a process and its children, whatever its name", () => {
  const stat = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 11 12 13 14 20 0 1";
  assert.deepEqual(costSoFar(stat), { user: 240, system: 260 });
});

test("runMeasured() counts grandchildren, and hands code, output and input through", async () => {
  const loop = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done";
  const { code, stdout, cost } = await runMeasured("sh", ["-c", `sh -c '${loop}; cat'; exit 7`], { input: "given" });
  assert.deepEqual([code, stdout], [7, "given"]);
  assert.ok(total(cost) >= 20, `${total(cost)} ms`);
});

test("runMeasured() ends with a command that takes too long", async () => {
  const { code } = await runMeasured("sleep", ["1000"], { timeoutMs: 100 });
  assert.equal(code, 124);
});

import assert from "node:assert/strict";
import test from "node:test";
import { contractPoints, idsOfTitle } from "../setup/contract.ts";
import { contractFindings, testTitles } from "./check-contract.ts";

const table = (...rows: string[]) => rows.map((row) => `| ${row} | what holds |`).join("\n");
const points = contractPoints(table("A01 | held", "A02 | held", "A95 | planned"));
const tests = (text: string) => new Map([["x.test.ts", text]]);

test("contractFindings() finds nothing when every held point has a test", () => {
  assert.deepEqual(contractFindings(points, tests('test("A01 a", f); box(`A02 b ${x}`, f);')), []);
});

test("contractFindings() names a held point without a test", () => {
  assert.deepEqual(contractFindings(points, tests('test("A01 a", f);')), [
    "docs/contract.md: A02 is held, but no test's title starts with A02",
  ]);
});

test("contractFindings() does not take a skipped test, a comment or another string for a test", () => {
  const text =
    'test.skip("A01 a", f); it.todo("A01 b"); /* test("A01 c") */ test("my A01", f); const x = "A01 d"; test("A02 x", f);';
  assert.deepEqual(contractFindings(points, tests(text)), [
    "docs/contract.md: A01 is held, but no test's title starts with A01",
  ]);
});

test("contractFindings() names a title whose id the contract does not have", () => {
  assert.deepEqual(contractFindings(points, tests('test("A01 A02 both", f); test("A99 what", f);')), [
    'x.test.ts: "A99 what" names A99, which is not in docs/contract.md',
  ]);
});

test("contractPoints() refuses a contract that it cannot read", () => {
  assert.throws(() => contractPoints("no table"), /no id in it/);
  assert.throws(() => contractPoints(table("A01 | held", "A01 | held")), /A01 stands there twice/);
  assert.throws(() => contractPoints(table("A01 | hold")), /A01 is "hold", not held or planned/);
});

test("idsOfTitle() gives every id at the start and none later", () => {
  assert.deepEqual(idsOfTitle("A20 A23, A31: stops"), ["A20", "A23", "A31"]);
  assert.deepEqual(idsOfTitle("A20 as A23 says"), ["A20"]);
  assert.deepEqual(idsOfTitle("stops as A20 says"), []);
  assert.deepEqual(idsOfTitle("A20x"), []);
});

test("testTitles() gives the text of a template up to its first expression", () => {
  assert.deepEqual(testTitles("x.test.ts", "it(`A01 of ${n}`, f); it(n, f)"), ["A01 of "]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDecimal } from "./decimal.ts";

test("parseDecimal() gives back every number that it is given", () => {
  fc.assert(fc.property(fc.nat(), (number) => assert.equal(parseDecimal(`${number}`), number)));
  assert.equal(parseDecimal("007"), 7);
});

test("parseDecimal() refuses what is not plain digits, and what is above the limit", () => {
  for (const text of ["", " 1", "1 ", "-1", "+1", "1.0", "1e3", "0x10", "١", "1_0", "NaN", "9".repeat(16)]) {
    assert.equal(parseDecimal(text), null, text);
  }
  assert.equal(parseDecimal("64", 64), 64);
  assert.equal(parseDecimal("65", 64), null);
});

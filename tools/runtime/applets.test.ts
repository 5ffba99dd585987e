import assert from "node:assert/strict";
import test from "node:test";
import { regularExpressions } from "./applets.ts";

test("regularExpressions() finds literals and RegExp, and no division or text", () => {
  assert.deepEqual(regularExpressions("const a = /x+/g.test(b), c = new RegExp(d);"), ["/x+/g", "RegExp"]);
  assert.deepEqual(regularExpressions('const a = b / c / d, e = "/x/", f = g.replaceAll("x", "y"); // /z/'), []);
});

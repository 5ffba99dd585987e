import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printable } from "./printable.ts";

test("printable() shows control characters and marks of direction, and leaves the rest", () => {
  assert.equal(printable("a\tb\nc"), "a\tb\nc");
  assert.equal(printable("\u001b]0;title\u0007"), "\\x1b]0;title\\x07");
  assert.equal(printable("\r\u007f\u009b31m"), "\\x0d\\x7f\\x9b31m");
  assert.equal(printable("gpj\u202eexe"), "gpj\\u202eexe");
  assert.equal(printable("größer 値 🙂"), "größer 値 🙂");
});

test("printable() leaves no character that a terminal obeys", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(printable(text), /(?![\n\t])\p{Cc}|\p{Bidi_Control}/u);
    }),
  );
});

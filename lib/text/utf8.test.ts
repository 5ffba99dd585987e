import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { utf8SequenceLength } from "./utf8.ts";

function isWellFormed(text: string): boolean {
  return isUtf8(Buffer.from(text, "latin1"));
}

function acceptsWhole(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    const length = utf8SequenceLength(text, at);
    if (length === 0) return false;
    at += length;
  }
  return at === text.length;
}

test("utf8SequenceLength() agrees with another judge on every pair of bytes, and on what may follow", () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      for (const rest of ["", "\x80", "\x80\x80", "\xbf\xbf", "a"]) {
        const text = String.fromCharCode(first, second) + rest;
        assert.equal(acceptsWhole(text), isWellFormed(text), JSON.stringify(text));
      }
    }
  }
});

test("utf8SequenceLength() agrees with another judge on random bytes and on real text", () => {
  const bytes = fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array).toString("latin1"));
  const encoded = fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text).toString("latin1"));
  fc.assert(fc.property(fc.oneof(bytes, encoded), (text) => assert.equal(acceptsWhole(text), isWellFormed(text))));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeControls, escapeJson } from "./escape.ts";

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => String.fromCharCode(...array));

test("escapeControls() escapes control bytes but tabs, and nothing else", () => {
  for (let code = 0; code < 256; code++) {
    const c = String.fromCharCode(code);
    const expected = (code < 32 && code !== 9) || code === 127 ? `#${code.toString(8).padStart(3, "0")}` : c;
    assert.equal(escapeControls(`a\t"\\${c}z`), `a\t"\\${expected}z`);
  }
});

test("escapeJson() is the inside of a string of JSON that reads as the text does in UTF-8", () => {
  fc.assert(
    fc.property(bytes, (text) => {
      const json = Buffer.from(`"${escapeJson(text)}"`, "latin1");
      assert.ok(json.every((byte) => byte >= 0x20 && byte !== 0x7f));
      // Node.js puts one replacement in place of several bytes: those are compared without.
      const plain = (decoded: string) => decoded.replace(/\ufffd+/g, "\ufffd");
      const read = JSON.parse(json.toString("utf8")) as string;
      assert.equal(plain(read), plain(Buffer.from(text, "latin1").toString("utf8")));
    }),
  );
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  fileOfValue,
  formatEnvironBlock,
  isUsableName,
  PERSONAL,
  parseEnvironBlock,
  toJson,
  toShell,
  valueOfFile,
} from "./environment.ts";

const directory = mkdtempSync(join(tmpdir(), "environment-"));
after(() => rmSync(directory, { recursive: true }));

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString("latin1"));
const value = bytes.map((text) => text.replaceAll("\0", "'"));
const name = value.filter(isUsableName);
const variables = fc
  .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key })
  .map((entries) => new Map(entries));

test("isUsableName() refuses what cannot be a variable or a file", () => {
  for (const text of ["", ".", "..", "A=B", "=", "a/b", "a\0b"])
    assert.equal(isUsableName(text), false, JSON.stringify(text));
  for (const text of ["A", "a b", "1", "..data", "caf\xe9", "a\nb", "-"])
    assert.equal(isUsableName(text), true, JSON.stringify(text));
});

test("valueOfFile() strips exactly one newline and nothing else", () => {
  const expected = { "": "", "\n": "", "a\n": "a", "a\n\n": "a\n", "a\r\n": "a\r", " a ": " a ", "a\nb": "a\nb" };
  for (const [content, text] of Object.entries(expected)) assert.equal(valueOfFile(content), text);
  assert.equal(valueOfFile("a\0b"), null);
});

test("valueOfFile() reads back what fileOfValue() wrote", () => {
  fc.assert(fc.property(value, (text) => assert.equal(valueOfFile(fileOfValue(text)), text)));
});

test("parseEnvironBlock() reads back what formatEnvironBlock() wrote", () => {
  fc.assert(fc.property(variables, (map) => assert.deepEqual(parseEnvironBlock(formatEnvironBlock(map)), map)));
});

test("parseEnvironBlock() keeps the first of two equal names and drops entries without a name", () => {
  assert.deepEqual(
    [...parseEnvironBlock("A=1\0=x\0B\0A=2\0C=a=b\0")],
    [
      ["A", "1"],
      ["C", "a=b"],
    ],
  );
});

const shellName = fc
  .stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,9}$/)
  // What a shell changes by itself.
  .filter((text) => !["_", "PWD", "OLDPWD", "SHLVL", "IFS", "PATH"].includes(text) && !PERSONAL.includes(text));

// Else bash takes its stdin for a network connection and reads ~/.bashrc.
for (const [shell, ...options] of [["sh"], ["bash", "--norc"]] as const) {
  test(`toShell() gives ${shell} exactly the bytes of every value`, () => {
    const file = join(directory, `${shell}.sh`);
    const entries = fc.uniqueArray(fc.tuple(shellName, value), {
      selector: ([key]) => key,
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(entries, (pairs) => {
        const map = new Map(pairs);
        writeFileSync(file, toShell(map), "latin1");
        const block = execFileSync(shell, [...options, "-c", `. ${file} && exec /usr/bin/env -0`], {
          env: {},
          encoding: "latin1",
        });
        const read = parseEnvironBlock(block);
        for (const [key, text] of map) assert.equal(read.get(key), text, key);
      }),
      { numRuns: 25 },
    );
  });

  test(`toShell() is sourced by ${shell} without error or output when names and values are anything at all`, () => {
    const file = join(directory, `any-${shell}.sh`);
    const nasty =
      "PPID EUID UID BASHOPTS SHELLOPTS BASH_VERSINFO OPTIND HISTCMD RANDOM SRANDOM BASH_COMPAT BASH_XTRACEFD LINENO SECONDS".split(
        " ",
      );
    fc.assert(
      fc.property(variables, (map) => {
        for (const key of nasty) map.set(key, "x y");
        writeFileSync(file, toShell(map), "latin1");
        const script = `set -eu; . ${file} 2>&1; echo sourced`;
        assert.equal(execFileSync(shell, [...options, "-c", script], { env: {}, encoding: "latin1" }), "sourced\n");
      }),
      { numRuns: 25 },
    );
  });
}

test("toShell() leaves out personal variables silently and other impossible names with a comment", () => {
  const map = new Map([
    ...PERSONAL.map((key) => [key, "x"] as const),
    ["1FOO", "x"],
    ["A-B", "y"],
    ["evil\necho hacked", "z"],
    ["OK", "it's"],
  ]);
  assert.equal(
    toShell(map),
    `${["1FOO", "A-B", "evil?echo hacked"].map((key) => `# left out, no shell variable can have this name: ${key}\n`).join("")}export OK='it'\\''s'\n`,
  );
});

/** The bytes that Python's `os.fsencode` makes of a text decoded with `surrogateescape`. */
function surrogateEscaped(text: string): string {
  return [...text]
    .map((c) => {
      const code = c.codePointAt(0) ?? 0;
      return code >= 0xdc80 && code <= 0xdcff ? String.fromCharCode(code - 0xdc00) : Buffer.from(c).toString("latin1");
    })
    .join("");
}

test("toJson() is UTF-8 from which a reader gets the exact bytes of every name and value back", () => {
  fc.assert(
    fc.property(variables, (map) => {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(toJson(map), "latin1"));
      const read = Object.entries(JSON.parse(text) as Record<string, string>);
      assert.deepEqual(new Map(read.map((pair) => pair.map(surrogateEscaped) as [string, string])), map);
    }),
  );
});

test("toJson() keeps text readable, escapes single bytes, and keeps __proto__", () => {
  const map = new Map([
    ["A", 'caf\xc3\xa9 "q"\n'],
    ["B", "\xff\xc3"],
    ["__proto__", "p"],
  ]);
  assert.equal(toJson(map), '{"A": "caf\xc3\xa9 \\"q\\"\\n", "B": "\\udcff\\udcc3", "__proto__": "p"}\n');
  assert.equal(toJson(new Map()), "{}\n");
});

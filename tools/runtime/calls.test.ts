import assert from "node:assert/strict";
import test from "node:test";
import { callsHeader, systemCalls } from "./calls.ts";

const sys = (...methods: string[]) => `export interface Sys {\n${methods.map((line) => `  ${line}\n`).join("")}}\n`;

test("systemCalls() gives every method's name and a letter per argument", () => {
  const text = sys(
    "readonly args: Bytes[];",
    "/** open(2) */",
    "open(path: Path, flags: number): number;",
    "now(): number;",
  );
  assert.deepEqual(systemCalls(text), [
    { name: "open", letters: "pn" },
    { name: "now", letters: "" },
  ]);
});

test("systemCalls() reads a method of several lines", () => {
  assert.deepEqual(systemCalls(sys("spawn(", "  env: Strings,", "  ids: readonly number[] | null,", "): number;")), [
    { name: "spawn", letters: "la" },
  ]);
});

test("systemCalls() throws when an argument's type has no letter", () => {
  assert.throws(() => systemCalls(sys("set(map: Map<number>): number;")), /cannot hand Map<number> of Sys\.set to C/);
});

test("callsHeader() makes one macro of all calls", () => {
  const header = callsHeader([
    { name: "open", letters: "pn" },
    { name: "now", letters: "" },
  ]);
  assert.match(header, /^#define CALLS\(X\) \\\n {2}X\(open, "pn"\) \\\n {2}X\(now, ""\)\n$/m);
});

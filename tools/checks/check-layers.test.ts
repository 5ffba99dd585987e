import assert from "node:assert/strict";
import test from "node:test";
import { circles, type Layer, layerFindings } from "./check-layers.ts";

const rules: readonly Layer[] = [
  { path: "low", may: [] },
  { path: "high", may: ["low", "packages"] },
];
const good = new Map([
  ["low/a.ts", 'export * from "./b.ts";'],
  ["low/b.ts", "export const b = 1;"],
  ["high/c.ts", 'import { b } from "../low/a.ts"; import "node:fs";'],
]);
const withFile = (path: string, text: string) => layerFindings(new Map([...good, [path, text]]), rules);

test("layerFindings() finds nothing when every import goes down", () => {
  assert.deepEqual(layerFindings(good, rules), []);
});

for (const [kind, statement] of Object.entries({
  "an import": 'import { c } from "../high/c.ts";',
  "a type": 'import type { C } from "../high/c.ts";',
  "a re-export": 'export { c } from "../high/c.ts";',
  "a star re-export": 'export * from "../high/c.ts";',
  "a dynamic import": 'await import("../high/c.ts");',
  "an import type": 'type C = import("../high/c.ts").C;',
})) {
  test(`layerFindings() names ${kind} that goes up`, () => {
    assert.deepEqual(withFile("low/up.ts", statement), ["low/up.ts: low must not import ../high/c.ts"]);
  });
}

test("layerFindings() names a package where only the language is allowed", () => {
  assert.deepEqual(withFile("low/up.ts", 'import "node:fs";'), ["low/up.ts: low must not import node:fs"]);
});

test("layerFindings() lets a test beside its source use packages, and no other layer", () => {
  assert.deepEqual(withFile("low/a.test.ts", 'import "node:test"; import "./a.ts";'), []);
  assert.deepEqual(withFile("low/a.test.ts", 'import "../high/c.ts";'), [
    "low/a.test.ts: low must not import ../high/c.ts",
  ]);
});

test("layerFindings() names an import that leads nowhere", () => {
  const [finding] = withFile("low/x.ts", 'import "./nowhere.ts";');
  assert.match(finding ?? "", /^low\/x\.ts: imports \.\/nowhere\.ts, which is no file/);
});

test("layerFindings() names a file that no rule holds", () => {
  assert.match(withFile("lower/x.ts", "")[0] ?? "", /^lower\/x\.ts: no layer holds this file/);
});

test("layerFindings() fails when it sees no file of a rule, or no import at all", () => {
  assert.deepEqual(layerFindings(new Map(), rules), [
    "low: the rule's folder holds no file",
    "high: the rule's folder holds no file",
    "not one import was seen: this check sees nothing",
  ]);
  assert.deepEqual(
    layerFindings(
      new Map([
        ["low/a.ts", ""],
        ["high/b.ts", ""],
      ]),
      rules,
    ),
    ["not one import was seen: this check sees nothing"],
  );
});

test("layerFindings() names a circle", () => {
  const files = new Map([...good, ["low/b.ts", 'import type { a } from "./a.ts";']]);
  assert.deepEqual(layerFindings(files, rules), ["import circle: low/a.ts → low/b.ts → low/a.ts"]);
});

test("circles() finds each circle once, one file that imports itself too", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", ["d"]],
  ]);
  assert.deepEqual(circles(graph), [
    ["a", "b", "c", "a"],
    ["d", "d"],
  ]);
});

test("layerFindings() throws when a file cannot be parsed", () => {
  assert.throws(() => withFile("low/x.ts", "import {"), /^Error: cannot parse low\/x\.ts/);
});

test("layerFindings() takes every folder below a starred one for a layer of its own", () => {
  const starred: readonly Layer[] = [
    ...rules,
    { path: "programs/*", may: ["low"] },
    { path: "programs/all", may: ["programs"] },
  ];
  const files = new Map([
    ...good,
    ["programs/one/x.ts", 'import "./y.ts"; import "../../low/a.ts";'],
    ["programs/one/y.ts", ""],
    ["programs/all/z.ts", 'import "../one/x.ts";'],
  ]);
  assert.deepEqual(layerFindings(files, starred), []);
  files.set("programs/two/x.ts", 'import "../one/y.ts";');
  assert.deepEqual(layerFindings(files, starred), ["programs/two/x.ts: programs/two must not import ../one/y.ts"]);
  files.delete("programs/two/x.ts");
  files.set("programs/loose.ts", "");
  assert.match(layerFindings(files, starred).join(), /^programs\/loose\.ts: no layer holds this file/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../../fake/sys-fake.ts";
import { Arena, MAX_ENTRIES } from "./arena.ts";
import { assignEntries, freeEntry } from "./entries.ts";

function arena(): Arena {
  const sys = new FakeSys();
  const opened = Arena.open(sys, sys.memfd());
  if (typeof opened === "number") throw new Error(`the fake has no memory: ${opened}`);
  return opened;
}

/** So many services, each with a pipe. */
function services(count: number, prefix = "s"): Map<string, number> {
  return new Map(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 5 + index]));
}

test("assignEntries() keeps a service's entry, and that of a service that is gone until it is freed", () => {
  const memory = arena();
  const pipes = new Map([
    ["a", 5],
    ["b", 6],
  ]);
  assert.deepEqual(
    assignEntries(memory, pipes).entries.map(({ entry }) => entry),
    [0, 1],
  );
  const later = assignEntries(memory, new Map([["c", 5]])).entries;
  const expected = [
    { name: "a", fd: -1, entry: 0 },
    { name: "b", fd: -1, entry: 1 },
    { name: "c", fd: 5, entry: 2 },
  ];
  assert.deepEqual(later, expected);
  freeEntry(memory, 0);
  const last = assignEntries(
    memory,
    new Map([
      ["c", 5],
      ["d", 6],
    ]),
  ).entries;
  assert.deepEqual(
    last.map(({ name, entry }) => [name, entry]),
    [
      ["b", 1],
      ["c", 2],
      ["d", 0],
    ],
  );
});

test("assignEntries() has room for all services while as many others are gone, and names those without an entry", () => {
  const memory = arena();
  const half = MAX_ENTRIES / 2;
  assert.deepEqual(assignEntries(memory, services(half)).left, []);
  const others = assignEntries(memory, services(half, "t"));
  assert.deepEqual([others.left, others.entries.length], [[], MAX_ENTRIES]);
  assert.deepEqual(assignEntries(memory, services(2, "u")).left, ["u0", "u1"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuNs, field, memoryOf, voluntarySwitches } from "./processes.ts";

const rollup = "Rss:   1676 kB\nPss:    355 kB\nPss_Dirty:   116 kB\nPrivate_Dirty:  116 kB\n";

test("field() takes the field of that very name when another begins alike", () =>
  assert.equal(field(rollup, "Pss"), 355));

test("field() throws when the field is missing", () => assert.throws(() => field(rollup, "Swap"), /cannot read Swap/));

test("cpuNs(), memoryOf() and voluntarySwitches() tell something of this process", () => {
  assert.ok(cpuNs(process.pid) > 0);
  assert.ok(voluntarySwitches(process.pid) > 0);
  const memory = memoryOf(process.pid);
  assert.ok(memory.privateDirty > 0 && memory.private >= memory.privateDirty && memory.pss >= memory.private);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { descendantsOf, readProcess } from "./process-tree.ts";

test("descendantsOf() finds all below a process, however many children one has", () => {
  const sys = new FakeSys();
  const put = (pid: number, parent: number) => sys.put(`/proc/${pid}/stat`, `${pid} (x) S ${parent} 1 1 0`);
  put(1, 0);
  put(2, 1);
  for (let pid = 3; pid < 3000; pid++) put(pid, 2);
  put(5000, 2999);
  put(6000, 0);
  const found = descendantsOf(sys, 1);
  assert.equal(found.length, 2999);
  assert.ok(found.includes(5000) && !found.includes(6000) && !found.includes(1));
});

test("readProcess() reads a name that holds brackets and blanks, and is null for a process that is gone", () => {
  const sys = new FakeSys();
  sys.put("/proc/7/stat", "7 (a) S (b c) R 3 4 4 0");
  assert.deepEqual(readProcess(sys, 7), { pid: 7, name: "a) S (b c", parent: 3, group: 4 });
  assert.equal(readProcess(sys, 8), null);
});

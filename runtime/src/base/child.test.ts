import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import { waitForChild } from "./child.ts";
import { spawn } from "./programs.ts";

/** A child that does this with its pipe as descriptor 1. */
function started(run: (sys: FakeSys, process: FakeProcess) => void): { sys: FakeSys; pid: number; reader: number } {
  const sys = new FakeSys();
  sys.putProgram("/bin/x", (process) => run(sys, process));
  const [reader, writer] = sys.pipe();
  const pid = spawn(sys, { path: "/bin/x", argv: ["x"], env: "", stdio: [-1, writer, -1] });
  sys.close(writer);
  return { sys, pid, reader };
}

test("waitForChild() returns the status as soon as the child ends, whatever it prints", () => {
  const { sys, ...child } = started((kernel, process) => {
    process.stdio[1]?.write?.("printed");
    kernel.after(5000, () => kernel.end(process, 3 << 8));
  });
  const begun = sys.now();
  assert.equal(waitForChild(sys, { ...child, lookMs: 60_000, deadlineMs: Number.POSITIVE_INFINITY }), 3 << 8);
  assert.equal(sys.now() - begun, 5000);
});

test("waitForChild() kills a child at its deadline, and looks for the end of one whose pipe another process holds", () => {
  const hanging = started(() => undefined);
  const { sys, ...child } = hanging;
  assert.equal(waitForChild(sys, { ...child, lookMs: 50, deadlineMs: sys.now() + 1000 }), 9);

  const held = started((kernel, process) => {
    const description = process.stdio[1];
    if (description !== undefined) description.references++;
    kernel.after(1000, () => kernel.end(process, 0));
  });
  const { sys: other, ...parent } = held;
  assert.equal(waitForChild(other, { ...parent, lookMs: 50, deadlineMs: Number.POSITIVE_INFINITY }), 0);
});

test("waitForChild() returns null without a child", () => {
  const sys = new FakeSys();
  const [reader] = sys.pipe();
  assert.equal(waitForChild(sys, { pid: 7, reader, lookMs: 50, deadlineMs: 0 }), null);
});

import assert from "node:assert/strict";
import test from "node:test";
import { type Phase, runPhases, selectPhases, single, tally } from "./phases.ts";

const silent = { slots: 2, print: () => {} };
const works = (name: string, needs: string[] = []): Phase => ({ name, needs, run: async () => undefined });
const fails = (name: string, needs: string[] = []): Phase => ({
  name,
  needs,
  run: () => Promise.reject(new Error("broken")),
});

test("runPhases() runs a phase after what it needs", async () => {
  const order: string[] = [];
  const noting = (name: string, needs: string[]): Phase => ({
    name,
    needs,
    run: async () => {
      await new Promise(setImmediate);
      order.push(name);
      return undefined;
    },
  });
  const outcomes = await runPhases([noting("c", ["a", "b"]), noting("a", []), noting("b", ["a"])], silent);
  assert.deepEqual(order, ["a", "b", "c"]);
  assert.equal(tally(outcomes.values()), "3 passed, 0 failed, 0 skipped");
});

test("runPhases() goes on after a failure, and fails all that needed it", async () => {
  const lines: string[] = [];
  const phases = [fails("a"), works("b", ["a"]), works("c", ["b"]), works("d")];
  const outcomes = await runPhases(phases, { slots: 1, print: (line) => lines.push(line) });
  assert.equal(tally(outcomes.values()), "1 passed, 3 failed, 0 skipped");
  assert.equal(outcomes.get("c")?.failed[0]?.text, "not run, because b failed");
  assert.ok(lines.includes("      broken"), lines.join("\n"));
});

test("runPhases() keeps to the number of slots", async () => {
  let now = 0;
  let most = 0;
  const counting = (name: string): Phase => ({
    name,
    run: async () => {
      most = Math.max(most, ++now);
      await new Promise(setImmediate);
      now--;
      return undefined;
    },
  });
  await runPhases(["a", "b", "c", "d", "e"].map(counting), silent);
  assert.equal(most, 2);
});

test("runPhases() refuses phases that wait for each other, or for nothing", async () => {
  await assert.rejects(runPhases([works("a", ["b"]), works("b", ["a"])], silent), /cannot run a: it needs b/);
  await assert.rejects(runPhases([works("a", ["typo"])], silent), /cannot run a: it needs typo/);
});

test("runPhases() prints every skipped test with its reason", async () => {
  const lines: string[] = [];
  const skips: Phase = { name: "a", run: async () => single("of arm64", "skipped", "no qemu") };
  await runPhases([skips], { slots: 1, print: (line) => lines.push(line) });
  assert.ok(lines.includes("    skipped: of arm64: no qemu"), lines.join("\n"));
});

test("selectPhases() gives what was named with all that it needs, in order", () => {
  const phases = [works("build"), works("types"), works("image", ["build"]), works("containers", ["image"])];
  const names = (...words: string[]) => selectPhases(phases, words).map(({ name }) => name);
  assert.deepEqual(names("contain"), ["build", "image", "containers"]);
  assert.deepEqual(names("types", "build"), ["build", "types"]);
  assert.deepEqual(names(), ["build", "types", "image", "containers"]);
  assert.throws(() => names("typo"), /cannot run "typo": phases are build, types/);
});

import assert from "node:assert/strict";
import { behaviours } from "../../src/fake/sys-suite.ts";
import { test } from "../harness/test.ts";
import { bootApplet } from "./remote.ts";

test("the binding behaves as the suite says that the fake does", async () => {
  await using box = await bootApplet("suite");
  assert.equal((await box.ended()).code, 0);
  assert.deepEqual(
    box.output.lines,
    behaviours.map(({ name }) => `passed ${name}`),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { explainStep, parseSpawnFailure, SPAWN_STEPS } from "./spawn-failure.ts";

test("parseSpawnFailure() takes step and error number apart; a plain error number is execve's", () => {
  for (const [number, step] of SPAWN_STEPS.entries())
    for (const errno of [1, 2, 133]) assert.deepEqual(parseSpawnFailure(4096 * number + errno), { step, errno });
});

test("explainStep() names step and reason, and the cure where a privilege is missing", () => {
  assert.equal(explainStep("directory", 2, "No such file"), "cannot enter its working directory: No such file");
  assert.equal(
    explainStep("groups", 1, "Operation not permitted"),
    "cannot set its groups: Operation not permitted; it takes root with the capability SETGID",
  );
  assert.equal(explainStep("uid", 22, "Invalid argument"), "cannot set its user id: Invalid argument");
});

import assert from "node:assert/strict";
import test from "node:test";
import { onStop } from "./stopping.ts";

const listeners = (): number[] => ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => process.listenerCount(signal));

test("onStop() gives the signals back when the last registration is taken back", () => {
  const before = listeners();
  const first = onStop(() => {});
  const second = onStop(() => {});
  first();
  first();
  assert.deepEqual(
    listeners(),
    before.map((count) => count + 1),
  );
  second();
  assert.deepEqual(listeners(), before);
});

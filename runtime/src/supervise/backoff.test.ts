import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_FAILURES, nextStart } from "./backoff.ts";

const settings = fc.record({
  firstMs: fc.nat(10_000),
  maxMs: fc.nat(100_000),
  resetAfterMs: fc.nat(100_000),
});
const ending = fc.record({ uptimeMs: fc.nat(200_000), clean: fc.boolean(), asked: fc.boolean() });

test("nextStart() never waits longer than the ceiling and keeps a record that only failures worsen", () => {
  fc.assert(
    fc.property(settings, fc.array(ending), (limits, endings) => {
      let record = NO_FAILURES;
      for (const each of endings) {
        const [delayMs, next] = nextStart(record, each, limits);
        assert.ok(delayMs >= 0 && delayMs <= limits.maxMs);
        if (each.asked) assert.equal(delayMs, 0);
        assert.ok(next <= record + 2, "a record worsens by one failure at a time");
        record = next;
      }
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_DURATION_MS, parseDurationMs } from "./duration.ts";

test("parseDurationMs() reads seconds and every unit", () => {
  const expected = {
    "0": 0,
    "5": 5000,
    "2.5": 2500,
    "5s": 5000,
    "500ms": 500,
    "1m": 60_000,
    "1.5m": 90_000,
    "1h": 3_600_000,
  };
  for (const [text, ms] of Object.entries(expected)) assert.equal(parseDurationMs(text), ms, text);
});

test("parseDurationMs() is null when the text is no duration", () => {
  const texts = [
    "",
    " ",
    "s",
    "ms",
    "5x",
    "5S",
    "-5",
    "+5",
    "1e3",
    "NaN",
    "Infinity",
    "0x5",
    "5 s",
    " 5",
    "5.",
    ".5",
    "1.2.3",
    "5sm",
    "1h30m",
  ];
  for (const text of texts) assert.equal(parseDurationMs(text), null, text);
});

test("parseDurationMs() is null when the duration is longer than a timer can be", () => {
  assert.equal(parseDurationMs(`${MAX_DURATION_MS}ms`), MAX_DURATION_MS);
  for (const text of [`${MAX_DURATION_MS + 1}ms`, "9999999", "1000h", "9".repeat(400)])
    assert.equal(parseDurationMs(text), null, text);
});

test("parseDurationMs() answers any text with null or a number in range", () => {
  const likely = fc.string({ unit: fc.constantFrom(..."0123456789.smh -e") });
  fc.assert(
    fc.property(fc.oneof(fc.string(), likely), (text) => {
      const ms = parseDurationMs(text);
      assert.ok(ms === null || (ms >= 0 && ms <= MAX_DURATION_MS));
    }),
  );
});

test("parseDurationMs() gives whole milliseconds for every number and unit", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(99_999), fc.constantFrom("", "s", "ms", "m"), (whole, fraction, unit) => {
      const ms = parseDurationMs(`${whole}.${fraction}${unit}`);
      assert.ok(ms === null || Number.isInteger(ms), `${ms}`);
    }),
  );
  assert.equal(parseDurationMs("1.2345"), 1235);
});

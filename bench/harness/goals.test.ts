import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { top } from "../../tools/setup/places.ts";
import { milliseconds } from "./format.ts";
import { type Compared, judge } from "./goals.ts";
import { spread } from "./statistics.ts";

/** A limit with a unit of time, in its value, beside it or in its name. */
const ABSOLUTE_TIME = /atMost(Ms|Us)\b.*|atMost: ?[`"][^`"]* (ms|µs|s)\b.*|atMost: [\d.]+,\s*unit: "(ms|µs|s)"/g;

const goal = { what: "stop", atMost: 0.35, peer: "s6" };
const took = (mine: number, peer: number, floor: number): Compared => ({
  mine: spread([mine * 1e6]),
  peer: spread([peer * 1e6]),
  floor: spread([floor * 1e6]),
});

test("judge() shows the ratios to the peer and to the floor, and the time", () => {
  assert.deepEqual(judge(goal, took(3, 10, 1), milliseconds), [
    {
      what: "stop",
      atMost: "0.35 × s6",
      measured: "0.300 × (3.00 ms)",
      floor: "3.00 ×",
      met: true,
      kind: "measure",
    },
  ]);
});

test("judge() gives the same verdict when the whole machine is slower", () => {
  for (const slowness of [1, 14, 1000]) {
    const verdict = (mine: number) =>
      judge(goal, took(mine * slowness, 10 * slowness, slowness), milliseconds).map(({ met }) => met);
    assert.deepEqual(verdict(3.5), [true], `${slowness} times slower`);
    assert.deepEqual(verdict(3.6), [false], `${slowness} times slower`);
  }
});

test("judge() does not take a goal for met when its peer is missing", () => {
  const [alone] = judge(goal, { ...took(3, 10, 1), peer: null }, milliseconds);
  assert.equal(alone?.met, false);
  assert.equal(alone?.measured, "s6 was not measured (3.00 ms)");
});

test("judge() shows no distance when there is no floor, or it is nothing", () => {
  for (const floor of [null, spread([0])]) {
    const [far] = judge(goal, { ...took(3, 10, 1), floor }, milliseconds);
    assert.deepEqual([far?.floor, far?.met], ["–", true]);
  }
});

test("judge() has no goal when shipshape was left out", () =>
  assert.deepEqual(judge(goal, { ...took(3, 10, 1), mine: null }, milliseconds), []));

test("no goal of a claim is an absolute time, which only some machines reach", () => {
  const sources = readdirSync(join(top, "bench")).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const found = sources.flatMap((name) =>
    [...readFileSync(join(top, "bench", name), "utf8").matchAll(ABSOLUTE_TIME)].map(([text]) => `${name}: ${text}`),
  );
  assert.ok(sources.length > 10, "the claims are not where this test looks");
  assert.deepEqual(found, []);
});

import assert from "node:assert/strict";
import test from "node:test";
import { budgetMs, costTable, measureUnit, overspent, ROOM, typical } from "./budget.ts";
import { FREE } from "./cost.ts";
import { single } from "./phases.ts";

const UNIT = { user: 100, system: 50 };
const BUDGET = { user: 10, system: 20 };
const outcomeOf = (user: number, system: number) => ({
  ...single("contract", "passed", "", { user, system }),
  costs: [
    { title: "", file: "cheap.test.ts", ms: 10 },
    { title: "", file: "dear.test.ts", ms: 900 },
    { title: "A01 dear", file: "dear.test.ts", ms: 800 },
  ],
});

test("overspent() is silent up to the budget with its room, however user and system time are shared", () => {
  assert.equal(budgetMs(BUDGET, UNIT), 2000);
  for (const share of [0, 0.5, 1]) {
    const spent = 2000 * ROOM;
    assert.equal(overspent(outcomeOf(spent * share, spent * (1 - share)), BUDGET, UNIT), null);
  }
});

test("overspent() names the dearest files and tests when the budget is gone", () => {
  const reason = overspent(outcomeOf(4000, 1), BUDGET, UNIT) ?? "";
  assert.match(reason, /^it took 4\.0 s of processor time, and 4\.0 s are its budget on this machine/);
  assert.match(reason, /\n0\.9 s {2}dear\.test\.ts\n0\.0 s {2}cheap\.test\.ts\n0\.8 s {2}dear\.test\.ts: A01 dear\n/);
});

test("overspent() says the same on a machine that is half as fast, also when only its kernel is", () => {
  const cost = (factor: number, kernel: number) => outcomeOf(1900 * factor, 2200 * factor * kernel);
  assert.equal(typeof overspent(cost(1, 1), BUDGET, UNIT), "string");
  assert.equal(typeof overspent(cost(2, 1), BUDGET, { user: 200, system: 100 }), "string");
  assert.equal(overspent(cost(1, 1), BUDGET, { user: 100, system: 100 }), null);
  assert.equal(overspent(outcomeOf(1000, 4 * 1000), BUDGET, { user: 100, system: 200 }), null);
});

test("typical() is not moved by one measurement beside other work", () => {
  const units = [
    { user: 100, system: 50 },
    { user: 900, system: 51 },
    { user: 102, system: 700 },
  ];
  assert.deepEqual(typical(units), { user: 102, system: 51 });
  assert.deepEqual(typical([]), FREE);
});

test("measureUnit() measures time of both kinds", async () => {
  const { user, system } = await measureUnit();
  assert.ok(user > 0 && system > 0, `${user} ${system}`);
});

test("costTable() has a line per phase with its share of the budget, the rest of the run, and the total", () => {
  const lines = costTable(new Map([["contract", outcomeOf(1000, 500)]]), () => BUDGET, UNIT, {
    user: 3000,
    system: 1500,
  });
  const words = lines.map((line) => line.split(/ {2,}/).join("|"));
  assert.equal(words[1], "contract|1.0|0.5|1.5|38 %");
  assert.equal(words[2], "npm test, container engine|2.0|1.0|3.0|");
  assert.equal(words[3], "total|3.0|1.5|4.5|");
});

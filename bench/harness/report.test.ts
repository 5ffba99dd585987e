import assert from "node:assert/strict";
import { test } from "node:test";
import type { Claim, Goal } from "./claim.ts";
import { goals, report, table } from "./report.ts";

const claim: Claim = { name: "c", title: "C", how: "So.", measure: () => Promise.reject(new Error("not here")) };
const goal = (met: boolean): Goal => ({
  what: "w",
  atMost: "1 ms",
  measured: "2 ms",
  floor: "3 ×",
  met,
  kind: "measure",
});

test("table() makes Markdown with a rule as wide as the columns", () => {
  assert.equal(
    table({ title: "T", columns: ["", "ms"], rows: [["a", "1"]], note: "N" }),
    "**T**\n\n|  | ms |\n|---|---:|\n| a | 1 |\n\nN",
  );
});

test("goals() counts over all claims and marks what was missed", () => {
  const text = goals([
    { claim, finding: { tables: [], goals: [goal(true)], samples: {} } },
    { claim, finding: { tables: [], goals: [goal(false)], samples: {} } },
  ]);
  assert.match(text, /^\*\*1 of 2 goals met\*\*/);
  assert.match(text, /\| w \| 1 ms \| 2 ms \| 3 × \| met \|\n\| w \| 1 ms \| 2 ms \| 3 × \| \*\*not met\*\* \|$/);
});

test("report() holds every claim's section, how it was measured, and the setting", () => {
  const setting = { date: "2025-01-02", kernel: "6.1", cpu: "X", load: 0.5, versions: [["tini", "0.19"]] as const };
  const text = report(setting, [{ claim, finding: { tables: [], goals: [], samples: {} } }]);
  for (const part of ["## C\n\nSo.", "Measured 2025-01-02, Linux 6.1, X, load 0.50 at the start: tini 0.19."]) {
    assert.ok(text.includes(part), part);
  }
});

/**
 * `npm test`: what is known to prove the project, on a machine that has nothing but Node.js. Installs what is missing, builds, runs the
 * gate and then the suites that need the binary, its instrumented builds, or a container engine. This is the short form; `npm test -- --all`
 * repeats more. `npm test -- NAME ...` runs only the phases whose name holds one of the words, and what they need.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { contractPath, contractPoints } from "./setup/contract.ts";
import { say, seconds, top } from "./setup/places.ts";
import { costTable, measureUnit, overspent, typical } from "./test/budget.ts";
import { budgetOf, budgets } from "./test/budgets.ts";
import { type Cost, costSoFar } from "./test/cost.ts";
import { leftOut } from "./test/form.ts";
import { type Phase, runPhases, selectPhases, single, tally } from "./test/phases.ts";
import { closePlan, plan } from "./test/plan.ts";
import { proveContract } from "./test/proof.ts";

const start = performance.now();
const units: Cost[] = [];

/** The phase, with a measurement of the machine before it if it is one of the large ones. */
const measuring = (phase: Phase): Phase => ({
  ...phase,
  run: async (progress) => {
    if (phase.name.replace("(amd64)", "(arm64)") in budgets || units.length === 0) units.push(await measureUnit());
    return phase.run(progress);
  },
});

try {
  const words = process.argv.slice(2).filter((word) => word !== "--all");
  const form = process.argv.includes("--all") ? "long" : "short";
  const phases = selectPhases(plan(form), words).map(measuring);
  const outcomes = await runPhases(phases, { slots: availableParallelism() });
  await closePlan();
  const points = contractPoints(readFileSync(join(top, contractPath), "utf8"));
  if (words.length === 0) outcomes.set("contract", proveContract(points, [...outcomes.values()]));
  // The long form has no budgets, nor has what is no phase.
  const names = new Set(form === "short" ? phases.map(({ name }) => name) : []);
  const budget = (name: string) => (names.has(name) ? budgetOf(name) : undefined);
  const unit = typical(units);
  for (const line of costTable(outcomes, budget, unit, costSoFar())) say(line);
  for (const [name, outcome] of [...outcomes]) {
    const given = budget(name);
    const reason = given === undefined ? null : overspent(outcome, given, unit);
    if (reason !== null) outcomes.set(`budget of ${name}`, single(reason, "failed", reason));
  }
  for (const [phase, { failed, unsteady }] of outcomes) {
    for (const { title } of unsteady) say(`↻ ${phase}: ${title}: failed at first, passed when run again`);
    for (const { title } of failed) say(`✖ ${phase}: ${title}`);
  }
  if (form === "short" && words.length === 0) {
    say("left out of this short form, in npm test -- --all:");
    for (const line of leftOut) say(`  ${line}`);
  }
  say(`all phases took ${seconds(performance.now() - start)}`);
  console.log(tally(outcomes.values()));
  process.exitCode = [...outcomes.values()].some(({ failed }) => failed.length > 0) ? 1 : 0;
} finally {
  await closePlan();
}

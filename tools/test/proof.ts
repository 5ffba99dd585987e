import { type ContractPoint, contractPath, idsOfTitle } from "../setup/contract.ts";
import { type Outcome, single } from "./phases.ts";

/**
 * Whether a run has proven the contract: every held point has a test that passed, and none that failed.
 * @returns the outcome of one more phase: one failure that names the points, if there are any
 */
export function proveContract(points: readonly ContractPoint[], outcomes: readonly Outcome[]): Outcome {
  const ids = (...which: ("passed" | "failed" | "unsteady")[]): Set<string> =>
    new Set(
      outcomes.flatMap((outcome) => which.flatMap((each) => outcome[each].flatMap(({ title }) => idsOfTitle(title)))),
    );
  const passed = ids("passed", "unsteady");
  const failed = ids("failed");
  const held = points.filter(({ state }) => state === "held").map(({ id }) => id);
  const unproven = held.filter((id) => failed.has(id) || !passed.has(id));
  if (unproven.length === 0) return single(`${held.length} points of ${contractPath} hold`, "passed", "");
  return single(`held by ${contractPath}, but no test passed or one failed: ${unproven.join(" ")}`, "failed", "");
}

// Reporter for node:test: one JSON line per test that has ended. Suites, and tests that failed only because a test inside them did, are
// left out: what they hold is counted.

/**
 * @typedef {{ title: string, file: string, ms: number, outcome: "passed" | "failed" | "skipped", text: string }} TestResult
 * `text`: the error of a failed test, the reason of a skipped one.
 */

/**
 * @param {AsyncIterable<{ type: string, data: any }>} events
 */
export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const result = resultOf(type, data);
    if (result !== null) yield `${JSON.stringify(result)}\n`;
  }
}

/**
 * @param {"test:pass" | "test:fail"} type
 * @param {any} data
 * @returns {TestResult | null}
 */
function resultOf(type, { name, file, skip, todo, details }) {
  if (details.type === "suite" || details.error?.failureType === "subtestsFailed") return null;
  const result = { title: name, file: file ?? "", ms: details.duration_ms };
  if (skip !== undefined) return { ...result, outcome: "skipped", text: reason(skip) };
  if (todo !== undefined) return { ...result, outcome: "skipped", text: `to do: ${reason(todo)}` };
  if (type === "test:fail") return { ...result, outcome: "failed", text: errorText(details.error) };
  // A file that ends well without having run a test is reported as a test of its own name.
  if (name.endsWith(".ts")) return { ...result, outcome: "failed", text: "the file holds no test" };
  return { ...result, outcome: "passed", text: "" };
}

/** @param {true | string} given node:test gives `true` for none */
function reason(given) {
  return typeof given === "string" && given !== "" ? given : "no reason given";
}

/** @param {any} error */
function errorText(error) {
  const cause = error?.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return String(cause ?? error?.message ?? "no error given");
}

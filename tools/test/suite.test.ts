import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { cacheDir, logPath, top } from "../setup/places.ts";
import { runSuite, type Suite } from "./suite.ts";

/** Runs test files of the given texts and counts; in the cache directory, where they are part of nothing. */
async function outcomeOf(...texts: string[]) {
  return outcomeWithin({}, ...texts);
}

async function outcomeWithin(limits: Partial<Suite>, ...texts: string[]) {
  const directory = mkdtempSync(join(cacheDir, "suite-"));
  try {
    const files = texts.map((text, index) => {
      const path = join(directory, `${index}.test.ts`);
      writeFileSync(path, `import test from "node:test";\n${text}`);
      return relative(top, path);
    });
    const outcome = await runSuite({ name: "suite-test", files, concurrency: 1, timeoutMs: 60_000, ...limits });
    return {
      passed: outcome.passed.map(({ title }) => title),
      failed: outcome.failed.map(({ title, text }) => `${title}: ${text.split("\n")[0]}`),
      skipped: outcome.skipped.map(({ title, text }) => `${title}: ${text}`),
      unsteady: outcome.unsteady.map(({ title, text }) => `${title}: ${text.split("\n")[0]}`),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("runSuite() counts tests, not what groups them, and keeps reasons", async () => {
  const text = `
    test("group", async (t) => { await t.test("good", () => {}); await t.test("bad", () => { throw new Error("why") }); });
    test.suite?.("suite", () => { test("in suite", () => {}); });
    test("left out", { skip: "no such device" }, () => {});
    test("later", { todo: true }, () => {});
    test("late", (t) => t.skip());
  `;
  assert.deepEqual(await outcomeOf(text), {
    passed: ["good", "in suite"],
    failed: ["bad: Error: why"],
    skipped: ["left out: no such device", "later: to do: no reason given", "late: no reason given"],
    unsteady: [],
  });
});

test("runSuite() makes the directory of its log", async () => {
  const name = `new-${process.pid}/suite-test`;
  const { passed } = await outcomeWithin({ name }, 'test("good", () => {});').finally(() =>
    rmSync(dirname(logPath(name)), { recursive: true }),
  );
  assert.deepEqual(passed, ["good"]);
});

test("runSuite() fails for a file that cannot be loaded, beside others that can", async () => {
  const { passed, failed } = await outcomeOf('test("good", () => {});', 'throw new Error("broken file");');
  assert.deepEqual(passed, ["good"]);
  assert.equal(failed.length, 1);
});

test("runSuite() fails for a file without a test", async () => {
  const { passed, failed } = await outcomeOf('test("good", () => {});', "");
  assert.deepEqual(passed, ["good"]);
  assert.match(failed.join(), /the file holds no test$/);
});

test("runSuite() fails without a file", async () => {
  assert.match((await outcomeOf()).failed.join(), /no test file for suite-test/);
});

test("runSuite() ends a suite whose tests do not end, and names the last that did", async () => {
  const hangs = 'test("good", () => {}); test("hangs", () => new Promise(() => setInterval(() => {}, 1000)));';
  let outcome = await outcomeWithin({ idleMs: 3000 }, hangs);
  // As long as a slow machine needs to start.
  for (let idleMs = 6000; outcome.passed.length === 0; idleMs *= 2) outcome = await outcomeWithin({ idleMs }, hangs);
  assert.deepEqual(outcome.passed, ["good"]);
  assert.match(outcome.failed.join(), /no test ended for [\d.]+ s; the last one was: good/);
});

/** Tests of one file: the first fails at its first run only, the second always, both count how often they run. */
const UNSTEADY = `
  import { appendFileSync, readFileSync } from "node:fs";
  const again = (name) => { const path = import.meta.dirname + "/" + name; appendFileSync(path, "x"); return readFileSync(path, "utf8").length > 1; };
  test("good", () => { if (again("good")) throw new Error("good runs again"); });
  test.describe("suite", () => { test("(slow) + load?", () => { if (!again("slow")) throw new Error("too slow"); }); });
  test("bad", () => { throw new Error(again("bad") ? "bad again" : "bad"); });
`;

test("runSuite() gives a second chance to what failed and nothing else, and keeps the first failure", async () => {
  assert.deepEqual(await outcomeWithin({ secondChance: true }, UNSTEADY), {
    passed: ["good"],
    failed: ["bad: Error: bad"],
    skipped: [],
    unsteady: ["(slow) + load?: Error: too slow"],
  });
});

test("runSuite() gives no second chance unasked, nor to many failures, a sanitizer's finding or a broken file", async () => {
  const { failed } = await outcomeOf(UNSTEADY);
  assert.deepEqual(failed, ["(slow) + load?: Error: too slow", "bad: Error: bad"]);
  const many = await outcomeWithin(
    { secondChance: true },
    UNSTEADY,
    'for (const n of "12") test(n, () => { throw n; });',
  );
  assert.equal(many.failed.length, 4);
  const found = UNSTEADY.replace("too slow", "ERROR: AddressSanitizer: heap-use-after-free");
  const sanitized = await outcomeWithin({ secondChance: true }, found);
  assert.deepEqual([sanitized.failed.length, sanitized.unsteady.length], [2, 0]);
  const broken = await outcomeWithin({ secondChance: true }, 'throw new Error("broken file");');
  assert.deepEqual([broken.failed.length, broken.unsteady.length], [1, 0]);
});

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { reaches, soon, trivialRuns, within } from "./deadline.ts";
import { test } from "./test.ts";

const never = new Promise<never>(() => undefined);

test("soon() rejects what is still not there when its limit and its control have passed", async () => {
  await assert.rejects(soon("a hang", never, 1), /^Error: a hang took longer than \d+ ms and its control$/);
});

test("soon() waits for what is later than its limit while its control has not ended", async () => {
  let end = (_: string) => {};
  const late = new Promise<string>((resolve) => {
    end = resolve;
  });
  // The control of a machine that stands still: it begins after the limit, and the promise settles while it runs.
  const control = async (signal: AbortSignal) => {
    end("late");
    await delay(2 ** 30, undefined, { signal });
  };
  assert.equal(await soon("it", late, 1, control), "late");
});

test("soon() runs no control for what comes in time, and fails as it does", async () => {
  const control = () => assert.fail("the control was run");
  assert.equal(await soon("it", Promise.resolve(5), 2 ** 30, control), 5);
  await assert.rejects(soon("it", Promise.reject(new Error("why")), 2 ** 30, control), /^Error: why$/);
});

test("trivialRuns() stops when it is aborted", async () => {
  const abort = new AbortController();
  const runs = trivialRuns(Number.MAX_SAFE_INTEGER, abort.signal);
  abort.abort();
  await assert.rejects(runs, { name: "AbortError" });
});

test("within() rejects when its deadline passes first", async () => {
  await assert.rejects(within("it is there", never, 1), /^Error: gave up after \d+ ms waiting until it is there$/);
});

test("reaches() waits as long as the measure grows", async () => {
  let measure = 0;
  await reaches("the measure is there", () => measure++, 100);
  assert.ok(measure > 100);
});

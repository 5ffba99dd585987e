import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import test from "node:test";
import { cached, digest, pruneCache } from "./cached.ts";

const DAY_MS = 24 * 3600_000;

test("digest() tells parts apart that join to the same text", () => {
  assert.notEqual(digest("ab", "c"), digest("a", "bc"));
  assert.equal(digest("ab", "c"), digest("ab", Buffer.from("c")));
});

test("cached() makes a file once, also when it is asked for twice at the same time", async () => {
  const key = randomUUID();
  let made = 0;
  const make = async (path: string) => {
    await new Promise(setImmediate);
    writeFileSync(path, `made ${++made}`);
  };
  const paths = await Promise.all([cached("x", key, make), cached("x", key, make)]);
  assert.equal(paths[0], paths[1]);
  assert.equal(readFileSync(paths[0] ?? "", "utf8"), "made 1");
  rmSync(paths[0] ?? "");
});

test("cached() leaves nothing under the final name when making fails", async () => {
  const key = randomUUID();
  let unfinished = "";
  const failing = cached("x", key, async (path) => {
    unfinished = path;
    writeFileSync(path, "half");
    throw new Error("out of ideas");
  });
  await assert.rejects(failing, /out of ideas/);
  assert.equal(existsSync(unfinished), false);
});

test("pruneCache() removes what was not asked for in a week, and nothing else", async () => {
  const make = (text: string) => async (path: string) => writeFileSync(path, text);
  const old = await cached("old", randomUUID(), make("old"));
  const fresh = await cached("fresh", randomUUID(), make("fresh"));
  utimesSync(old, new Date(), new Date(Date.now() - 8 * DAY_MS));
  utimesSync(fresh, new Date(), new Date(Date.now() - 6 * DAY_MS));
  pruneCache();
  assert.deepEqual([old, fresh].map(existsSync), [false, true]);
  rmSync(fresh);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_RUNS_OF_ONE, Shares, StartQueue } from "./shares.ts";

test("Shares.allows() gives each user a number of runs, all users a part of the descriptors, and root any number", () => {
  const plenty = new Shares(-1);
  for (let run = 0; run < MAX_RUNS_OF_ONE; run++) plenty.count("eve", 1);
  assert.deepEqual(
    ["eve", "bob", "root"].map((user) => plenty.allows(user)),
    [false, true, true],
  );
  plenty.count("eve", -1);
  assert.equal(plenty.allows("eve"), true);

  const few = new Shares(164);
  for (let run = 0; run < 500; run++) few.count("root", 1);
  let runs = 0;
  for (; few.allows(`user${runs}`) && runs < 1000; runs++) few.count(`user${runs}`, 1);
  assert.equal(runs, 75);
  assert.deepEqual([few.allows("root"), few.allows("bob")], [true, false]);
  // However few there are, a user's job runs some time.
  assert.equal(new Shares(10).allows("bob"), true);
});

test("StartQueue.take() takes root's first, then one of each user in turn, and passes over users who may not", () => {
  const queue = new StartQueue<string>();
  for (const item of ["eve1", "eve2", "eve3", "bob1", "root1", "bob2", "root2", "tom1"])
    queue.add(item.slice(0, -1), item);
  const all = () => true;
  const order = [queue.take(all), queue.take(all), queue.take(all), queue.take((user) => user !== "bob")];
  assert.deepEqual(order, ["root1", "root2", "eve1", "tom1"]);
  const rest: (string | null)[] = [];
  do rest.push(queue.take(all));
  while (rest.at(-1) !== null);
  assert.deepEqual(rest, ["bob1", "eve2", "bob2", "eve3", null]);
});

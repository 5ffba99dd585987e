import assert from "node:assert/strict";
import test from "node:test";
import { Loop } from "../../base/loop.ts";
import { FakeSys } from "../../fake/sys-fake.ts";
import { RateLimit } from "./rate-limit.ts";

function unexpected(what: unknown): never {
  throw new Error(String(what));
}

function limited(rate: number) {
  const sys = new FakeSys();
  const loop = new Loop(sys, unexpected, unexpected);
  const told: string[] = [];
  const limit = new RateLimit(loop, rate, "app", (text) => told.push(text));
  const admitted = (lines: number) => Array.from({ length: lines }, () => limit.admit()).filter(Boolean).length;
  return { sys, loop, limit, told, admitted };
}

test("admit() lets as many lines through in each second as the rate says", () => {
  const { sys, told, admitted } = limited(3);
  assert.equal(admitted(5), 3);
  sys.clock += 999;
  assert.equal(admitted(1), 0);
  sys.clock += 1;
  assert.equal(admitted(4), 3);
  assert.deepEqual(told, ["app: 3 lines were dropped, more than 3 came in a second (LOG_RATE)"]);
});

test("admit() lets everything through without a rate", () => {
  assert.equal(limited(0).admitted(1000), 1000);
});

test("tell() comes a second after the first line that was dropped, and says nothing twice", () => {
  const { sys, loop, limit, told, admitted } = limited(1);
  admitted(11);
  const start = sys.clock;
  loop.tick();
  assert.deepEqual([told.length, sys.clock - start], [1, 1000]);
  assert.match(told[0] ?? "", /^app: 10 lines/);
  limit.tell();
  assert.equal(told.length, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Kind, parseBoard } from "./board.ts";

/** A board's bytes; `used` may claim more than there is, as while a program is between taking a slot and filling it. */
function board(used: number, ...slots: [kind: number, pid: number, ns: bigint][]): Buffer {
  const bytes = Buffer.alloc(64 + slots.length * 16);
  bytes.writeUInt32LE(used, 0);
  slots.forEach(([kind, pid, ns], i) => {
    bytes.writeUInt32LE(kind, 64 + i * 16);
    bytes.writeUInt32LE(pid, 64 + i * 16 + 4);
    bytes.writeBigUInt64LE(ns, 64 + i * 16 + 8);
  });
  return bytes;
}

test("parseBoard() sorts by time when programs took their slots in another order", () => {
  assert.deepEqual(parseBoard(board(2, [Kind.Told, 7, 20n], [Kind.Started, 7, 10n])), [
    { kind: Kind.Started, pid: 7, ns: 10 },
    { kind: Kind.Told, pid: 7, ns: 20 },
  ]);
});

test("parseBoard() leaves a slot out when it is taken but not complete", () => {
  assert.deepEqual(parseBoard(board(2, [0, 7, 10n], [Kind.Started, 8, 11n])), [{ kind: Kind.Started, pid: 8, ns: 11 }]);
});

test("parseBoard() reads no further than the bytes when the count says more", () => {
  assert.equal(parseBoard(board(4_000_000_000, [Kind.Started, 7, 10n])).length, 1);
});

test("parseBoard() finds nothing when nothing was written", () => assert.deepEqual(parseBoard(board(0)), []));

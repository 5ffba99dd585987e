import assert from "node:assert/strict";
import test from "node:test";
import type { Container } from "../host/engines/container.ts";
import { measureRow, type Row, runRows, type Side, stopRows } from "./rows.ts";

/** A container whose probes answer with what is given, and how long each was told to wait. */
function side(answer: unknown, exitCode = 0, stopMs = 100): { side: Side; limits: number[] } {
  const limits: number[] = [];
  const container = {
    name: "c",
    exec: async (command: readonly string[]) => {
      limits.push(Number(command[4]));
      return { code: 0, stdout: JSON.stringify(answer), stderr: "" };
    },
    logs: async () => "",
    stop: async () => ({ tookMs: stopMs, exitCode }),
  };
  return { side: { container: container as unknown as Container, before: [] }, limits };
}

function row(title: string): Row {
  const found = [...runRows, ...stopRows].find((one) => one.title.includes(title));
  assert.ok(found, title);
  return found;
}

const MINUTE_MS = 60_000;

/** Each row that waits, with what a very slow machine answers, and what a container without a supervisor does. */
const slow: Readonly<Record<string, { ours: unknown; theirs: unknown; tookMs: number }>> = {
  "nginx killed": { ours: { killed: 3, backMs: MINUTE_MS }, theirs: { killed: 3, backMs: null }, tookMs: MINUTE_MS },
  "worker crashes": { ours: { backMs: MINUTE_MS }, theirs: { backMs: null }, tookMs: MINUTE_MS },
  orphans: {
    ours: { inherited: 1000, zombies: 0, tookMs: MINUTE_MS },
    theirs: { inherited: 1000, zombies: 1004, tookMs: 5 * MINUTE_MS },
    tookMs: MINUTE_MS,
  },
};

for (const [title, { ours, theirs, tookMs }] of Object.entries(slow)) {
  test(`measureRow() gives "${title}" minutes under my_init, and the other side a multiple of what it took there`, async () => {
    const [mine, naive] = [side(ours), side(theirs)];
    const found = await measureRow(row(title), mine.side, naive.side);
    assert.deepEqual([found.ours.good, found.theirs.good], [true, false]);
    assert.ok((mine.limits[0] ?? 0) > 2 * MINUTE_MS, `my_init had ${mine.limits} ms`);
    assert.deepEqual(naive.limits, [5 * tookMs]);
  });
}

test("measureRow() gives both sides minutes for what both can do", async () => {
  const [mine, naive] = [side({ text: "Hello, x", tookMs: 1 }), side({ text: "Hello, y", tookMs: 1 })];
  const { ours, theirs } = await measureRow(row("a page"), mine.side, naive.side);
  assert.deepEqual([ours.good, theirs.good, naive.limits], [true, true, mine.limits]);
});

test("measureRow() says what it saw when the time is up", async () => {
  const { ours } = await measureRow(row("a page"), side({ text: null, tookMs: 1 }).side, side({ text: "x" }).side);
  assert.deepEqual([ours.good, ours.text], [false, "not served within 3 min 00 s"]);
});

test("measureRow() judges docker stop by its exit code, however long it took", async () => {
  const [mine, naive] = [side({}, 0, 9000), side({}, 137, 10_200)];
  const { ours, theirs } = await measureRow(row("docker stop"), mine.side, naive.side);
  assert.deepEqual([ours.good, ours.text], [true, "9.0 s, exit code 0"]);
  assert.deepEqual([theirs.good, theirs.text], [false, "10.2 s, exit code 137 (SIGKILL)"]);
});

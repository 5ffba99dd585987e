import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessStatus } from "./protocol.ts";
import { formatProcess, formatService } from "./status-format.ts";

const RUNNING: ProcessStatus = {
  state: "run",
  pid: 12,
  seconds: 5,
  normally: "up",
  want: "up",
  paused: false,
  term: false,
};
const DOWN: ProcessStatus = { ...RUNNING, state: "down", pid: 0, seconds: 3 };

test("formatProcess() says nothing more than usual when a process is as it should be", () => {
  assert.equal(formatProcess("web", RUNNING), "run: web: (pid 12) 5s");
  assert.equal(formatProcess("web", { ...DOWN, normally: "down", want: "down" }), "down: web: 3s");
});

test("formatProcess() names every deviation in runit's order", () => {
  assert.equal(
    formatProcess("web", { ...RUNNING, normally: "down", paused: true, want: "down", term: true }),
    "run: web: (pid 12) 5s, normally down, paused, want down, got TERM",
  );
  assert.equal(
    formatProcess("web", { ...RUNNING, state: "finish", want: "down" }),
    "finish: web: (pid 12) 5s, want down",
  );
  assert.equal(formatProcess("web", { ...DOWN, want: "down" }), "down: web: 3s, normally up");
  assert.equal(formatProcess("web", DOWN), "down: web: 3s, normally up, want up");
  assert.equal(formatProcess("web", { ...DOWN, paused: true, term: true }), "down: web: 3s, normally up, want up");
});

test("formatService() adds the log", () => {
  const service = { ...RUNNING, serial: 1, dir: "/etc/service/web" };
  assert.equal(
    formatService("web", { ...service, log: { ...RUNNING, pid: 11 } }),
    "run: web: (pid 12) 5s; run: log: (pid 11) 5s",
  );
  assert.equal(formatService("web", { ...service, log: null }), "run: web: (pid 12) 5s");
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runOrThrow } from "./command.ts";

const sh = (script: string) => ["-c", script];

/** Waits until a process is gone, or a zombie that nobody has reaped yet: it closes its outputs a moment before that. */
async function hasEnded(pid: number): Promise<void> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(5)) {
    try {
      if (readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) return;
    } catch {
      return;
    }
  }
  assert.fail(`process ${pid} lives`);
}

test("run() gives code and both outputs", async () => {
  assert.deepEqual(await run("sh", sh("cat; echo err >&2; exit 3"), { input: "in" }), {
    code: 3,
    stdout: "in",
    stderr: "err\n",
  });
});

test("run() gives 128 + n when a signal ended the program, 127 when there is none", async () => {
  assert.equal((await run("sh", sh("kill -KILL $$"))).code, 137);
  const missing = await run("/no/such/program", []);
  assert.equal(missing.code, 127);
  assert.match(missing.stderr, /^cannot run \/no\/such\/program: /);
});

test("run() ends the program and its children at the timeout", async () => {
  // As long as a slow machine needs to start a shell and its child.
  let stdout = "";
  for (let timeoutMs = 300; stdout === ""; timeoutMs *= 2) {
    const result = await run("sh", sh("sleep 1000 & echo $!; wait"), { timeoutMs });
    assert.equal(result.code, 124);
    assert.match(result.stderr, new RegExp(`not finished after ${timeoutMs / 1000} s`));
    stdout = result.stdout;
  }
  await hasEnded(Number(stdout));
});

test("run() ends the program when it is aborted", async () => {
  const abort = new AbortController();
  const result = await run("sh", sh("echo ready; sleep 1000"), { signal: abort.signal, onOutput: () => abort.abort() });
  assert.deepEqual([result.code, result.stdout], [143, "ready\n"]);
});

test("run() does not wait for a process left behind that holds the output open", async () => {
  const { code, stdout } = await run("sh", sh("setsid sleep 1000 & echo $!"));
  process.kill(Number(stdout), "SIGKILL");
  assert.equal(code, 0);
});

test("runOrThrow() names purpose, program, status and log, and ends with the output's last lines", async () => {
  const directory = mkdtempSync(join(tmpdir(), "shipshape-test-"));
  const logPath = join(directory, "x.log");
  try {
    await assert.rejects(runOrThrow("build it", "sh", sh("echo first; echo last >&2; exit 2"), { logPath }), {
      message: `cannot build it: sh ended with status 2 (log: ${logPath})\nfirst\nlast`,
    });
    assert.match(readFileSync(logPath, "utf8"), /^\$ sh -c .*\n/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

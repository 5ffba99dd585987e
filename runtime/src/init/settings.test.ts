import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "./settings.ts";

function read(variables: Record<string, string>): [ReturnType<typeof readSettings>, string[]] {
  const warnings: string[] = [];
  return [readSettings(new Map(Object.entries(variables)), (text) => warnings.push(text)), warnings];
}

test("readSettings() has the documented defaults", () => {
  assert.deepEqual(read({}), [
    {
      killProcessMs: 30_000,
      killAllMs: 30_000,
      shutdownMs: 9_000,
      initDirectory: "/etc/my_init.d",
      stopSignal: 0,
      backoff: { firstMs: 1_000, maxMs: 60_000, resetAfterMs: 60_000 },
    },
    [],
  ]);
});

test("readSettings() leaves Kubernetes' 30 s to a shutdown in Kubernetes", () => {
  assert.equal(read({ KUBERNETES_SERVICE_HOST: "10.0.0.1" })[0].shutdownMs, 28_000);
  assert.equal(read({ KUBERNETES_SERVICE_HOST: "10.0.0.1", SHUTDOWN_TIMEOUT: "3" })[0].shutdownMs, 3_000);
});

test("readSettings() reads each variable", () => {
  const [settings, warnings] = read({
    KILL_PROCESS_TIMEOUT: "5s",
    KILL_ALL_PROCESSES_TIMEOUT: "2.5",
    SHUTDOWN_TIMEOUT: "1m",
    ENV_INIT_DIRECTORY: "/srv/init",
    STOP_SIGNAL: "SIGQUIT",
    SERVICE_BACKOFF: "0",
    SERVICE_BACKOFF_MAX: "500ms",
    SERVICE_BACKOFF_RESET: "7",
  });
  assert.deepEqual(settings, {
    killProcessMs: 5_000,
    killAllMs: 2_500,
    shutdownMs: 60_000,
    initDirectory: "/srv/init",
    stopSignal: 3,
    backoff: { firstMs: 0, maxMs: 500, resetAfterMs: 7_000 },
  });
  assert.deepEqual(warnings, []);
});

for (const value of ["", "abc", "-1", "5 s", "1e3", "NaN"]) {
  test(`readSettings() warns of KILL_PROCESS_TIMEOUT="${value}" and uses the default`, () => {
    const [settings, warnings] = read({ KILL_PROCESS_TIMEOUT: value });
    assert.equal(settings.killProcessMs, 30_000);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(`KILL_PROCESS_TIMEOUT="${value}"`) && warnings[0].includes("30 s"), warnings[0]);
  });
}

test("readSettings() warns of a STOP_SIGNAL that is none", () => {
  const [settings, warnings] = read({ STOP_SIGNAL: "SIGNOPE" });
  assert.equal(settings.stopSignal, 0);
  assert.ok(warnings[0]?.includes('STOP_SIGNAL="SIGNOPE"'));
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LOG_SETTINGS } from "../../../lib/log/settings.ts";
import { INIT_SETTINGS, parseStopSignal, readInitSettings } from "./settings.ts";

function read(variables: Record<string, string>): [ReturnType<typeof readInitSettings>, string[]] {
  const warnings: string[] = [];
  return [readInitSettings(new Map(Object.entries(variables)), (text) => warnings.push(text)), warnings];
}

test("readInitSettings() has the documented defaults", () => {
  assert.deepEqual(read({}), [
    {
      stopTimes: { shutdownMs: null, killProcessMs: null, killAllMs: null, defaultMs: 9_000 },
      initDirectory: "/etc/my_init.d",
      stopSignal: 0,
      backoff: { firstMs: 1_000, maxMs: 60_000, resetAfterMs: 60_000 },
    },
    [],
  ]);
});

test("readInitSettings() leaves Kubernetes' 30 s to a shutdown in Kubernetes", () => {
  assert.equal(read({ KUBERNETES_SERVICE_HOST: "10.0.0.1" })[0].stopTimes.defaultMs, 28_000);
});

test("readInitSettings() reads each variable, and says nothing when they have the names that are only ours or phusion's", () => {
  const [settings, warnings] = read({
    KILL_PROCESS_TIMEOUT: "5s",
    KILL_ALL_PROCESSES_TIMEOUT: "2.5",
    SHIPSHAPE_SHUTDOWN_TIMEOUT: "1m",
    ENV_INIT_DIRECTORY: "/srv/init",
    SHIPSHAPE_STOP_SIGNAL: "SIGQUIT",
    SHIPSHAPE_SERVICE_BACKOFF: "0",
    SHIPSHAPE_SERVICE_BACKOFF_MAX: "500ms",
    SHIPSHAPE_SERVICE_BACKOFF_RESET: "7",
  });
  assert.deepEqual(settings, {
    stopTimes: { shutdownMs: 60_000, killProcessMs: 5_000, killAllMs: 2_500, defaultMs: 9_000 },
    initDirectory: "/srv/init",
    stopSignal: 3,
    backoff: { firstMs: 0, maxMs: 500, resetAfterMs: 7_000 },
  });
  assert.deepEqual(warnings, []);
});

test("readInitSettings() reads names without prefix too, says so in one line, and prefers the names with it", () => {
  const [settings, warnings] = read({ SHUTDOWN_TIMEOUT: "20", SERVICE_BACKOFF: "2", SHIPSHAPE_SERVICE_BACKOFF: "3" });
  assert.deepEqual([settings.stopTimes.shutdownMs, settings.backoff.firstMs], [20_000, 3_000]);
  const [both, once] = read({ SHUTDOWN_TIMEOUT: "20", SERVICE_BACKOFF: "2" });
  assert.equal(both.backoff.firstMs, 2_000);
  for (const [lines, names] of [
    [warnings, ["SHIPSHAPE_SHUTDOWN_TIMEOUT"]],
    [once, ["SHIPSHAPE_SHUTDOWN_TIMEOUT", "SHIPSHAPE_SERVICE_BACKOFF"]],
  ] as const) {
    assert.equal(lines.length, 1);
    for (const name of names) assert.ok(lines[0]?.includes(name), lines[0]);
  }
});

for (const [name, text] of [
  ["SHUTDOWN_TIMEOUT", "30000"],
  ["SHUTDOWN_TIMEOUT", "5000"],
  ["SHIPSHAPE_SHUTDOWN_TIMEOUT", "30000"],
  ["SERVICE_BACKOFF", "2500"],
  ["STOP_SIGNAL", "graceful"],
  ["STOP_SIGNAL", "SIGKILL"],
] as const) {
  test(`readInitSettings() leaves the default when the application means something else by ${name}=${text}, and names it`, () => {
    const [settings, warnings] = read({ [name]: text });
    assert.deepEqual(settings, read({})[0]);
    assert.equal(warnings.length, 1);
    assert.ok(
      (warnings[0]?.includes(`${name}="${text}"`) && warnings[0].includes("SHIPSHAPE_") === true) ||
        name.startsWith("SHIPSHAPE_"),
      warnings[0],
    );
  });
}

test("readInitSettings() takes long times with their unit, and phusion's seconds as they are", () => {
  const [{ stopTimes }, warnings] = read({ SHIPSHAPE_SHUTDOWN_TIMEOUT: "2h", KILL_PROCESS_TIMEOUT: "1800" });
  assert.deepEqual([stopTimes.shutdownMs, stopTimes.killProcessMs, warnings], [7_200_000, 1_800_000, []]);
});

test("readInitSettings() says which time of phusion's is longer than the whole that is set", () => {
  const [, warnings] = read({ SHIPSHAPE_SHUTDOWN_TIMEOUT: "20", KILL_PROCESS_TIMEOUT: "300" });
  assert.match(warnings.join(), /^KILL_PROCESS_TIMEOUT is longer .* 20 s$/);
});

for (const value of ["", "abc", "-1", "5 s", "1e3", "NaN"]) {
  test(`readInitSettings() warns of KILL_PROCESS_TIMEOUT="${value}" and uses the default`, () => {
    const [settings, warnings] = read({ KILL_PROCESS_TIMEOUT: value });
    assert.equal(settings.stopTimes.killProcessMs, null);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(`KILL_PROCESS_TIMEOUT="${value}"`) && warnings[0].includes("default"), warnings[0]);
  });
}

test("parseStopSignal() refuses what cannot reach the init or means something else to it", () => {
  for (const text of ["KILL", "STOP", "CHLD", "SEGV", "IO", "0", "65", ""])
    assert.equal(parseStopSignal(text), undefined);
  assert.deepEqual(["QUIT", "SIGRTMIN+3", "28", "hup"].map(parseStopSignal), [3, 37, 28, 1]);
});

test("every setting stands in the reference by its name", () => {
  for (const [page, table] of [
    ["my_init", INIT_SETTINGS],
    ["logd", LOG_SETTINGS],
  ] as const) {
    const text = readFileSync(new URL(`../../../docs/reference/${page}.md`, import.meta.url), "utf8");
    for (const [name, { original }] of Object.entries(table)) {
      const shown = page === "logd" || original ? name : `SHIPSHAPE_${name}`;
      assert.ok(text.includes(`\`${shown}\``), `docs/reference/${page}.md does not have ${shown}`);
    }
  }
});

import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually, reaches } from "../harness/deadline.ts";
import { waiting } from "../harness/fixtures.ts";
import { assertWell, vitals } from "../harness/health.ts";
import { test } from "../harness/test.ts";

/** A service that notes its readiness in a file, for boxes whose output cannot be read. */
const NOTES_READY = "trap 'echo TERM >/tmp/term; exit' TERM; echo ready >/tmp/ready; sleep 1000 & wait";

for (const { what, before } of [
  { what: "stdout and stderr closed", before: "exec 1>&- 2>&-" },
  { what: "stdin, stdout and stderr closed", before: "exec 0<&- 1>&- 2>&-" },
  { what: "stderr on a full device", before: "exec 2>/dev/full" },
  { what: "stderr in a file on a full file system", before: "exec 2>/full/log" },
  { what: "stderr in a read-only file", before: "exec 2</etc/passwd" },
]) {
  test(`A05 with ${what} everything works, only unheard`, async () => {
    await using box = await boot({
      before: `mkdir /full; mount -t tmpfs -o size=4k tmpfs /full; echo x >/full/log; head -c 9999 /dev/zero >/full/rest 2>/dev/null; ${before}`,
      startup: { "10_a": "echo startup; echo startup >&2; true" },
      services: { s: { run: `echo out; echo err >&2; ${NOTES_READY}` }, broken: { files: { run: "no" } } },
      postShutdown: { p: "echo hook >/tmp/hook" },
    });
    await eventually("the service is ready", () => box.has("/tmp/ready"));
    const vital = await vitals(box, "s");
    await assertWell(box, vital, "s");
    assert.equal((await box.stop()).code, 0);
    assert.equal(box.read("/tmp/term"), "TERM\n");
    assert.equal(box.read("/tmp/hook"), "hook\n");
  });
}

test("A05 when the reader of the output is gone, PID 1 and its services go on", async () => {
  await using box = await boot({
    services: {
      s: { run: waiting({ TERM: "echo TERM >/tmp/term; exit" }) },
      // Dies of SIGPIPE with every line, as it would anywhere.
      chatty: { run: "while :; do echo line; sleep 0.01; done" },
    },
    env: { SERVICE_BACKOFF: "10ms", SERVICE_BACKOFF_MAX: "10ms" },
  });
  await box.sees("ready");
  await box.sees("line", 3);
  box.closeOutput();
  await box.exec("sleep 0.5");
  const before = await vitals(box, "s");
  await box.exec("sleep 0.5");
  await assertWell(box, before, "s");
  assert.equal((await box.stop()).code, 0);
  assert.equal(box.read("/tmp/term"), "TERM\n");
});

test("A05 when nobody reads the output, services wait for it but PID 1 never does", async () => {
  await using box = await boot({
    slowReader: true,
    services: {
      flood: { run: "exec yes" },
      s: { run: "echo >>/tmp/lives; sleep 0.01; exit 1" },
    },
    env: { SERVICE_BACKOFF: "0" },
  });
  // Its announcement of each of these deaths finds the pipe full.
  await reaches("the init restarts services", () => box.size("/tmp/lives"), 300);
  await eventually("the flood stands", () => box.find("yes")?.state === "S");
  assert.match(await box.sv("status", "flood"), /^run: flood: /);
  await box.sv("down", "s");
  const { code } = await box.stopSoon(2000);
  assert.equal(code, 0);
});

test("A05 a reader that comes late is told how many lines of the init were dropped", async () => {
  await using box = await boot({
    slowReader: true,
    services: { flood: { run: "exec yes >&2" }, s: { run: "echo >>/tmp/lives; exit 1" } },
    env: { SERVICE_BACKOFF: "0" },
  });
  await reaches("much has happened", () => box.size("/tmp/lives"), 200);
  await box.sv("down", "flood");
  box.readOutput();
  await box.sees(/\*\*\* \(\d+ lines? .*dropped/);
});

import assert from "node:assert/strict";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { discard, scratch } from "../harness/scratch.ts";
import { test } from "../harness/test.ts";
import { bootWithLog } from "./fixture.ts";

const SLEEP = { run: "exec sleep 1000" };

test("A96 containers that share /run, and one that has another's socket as /dev/log, leave each other's alone", async () => {
  const run = scratch();
  chmodSync(run, 0o755);
  try {
    const mounts = [{ source: run, at: "/run", type: "none", options: "bind" }];
    await using first = await bootWithLog(
      { mounts, services: { web: SLEEP }, files: { "/run": { directory: true } }, before: "mkdir /run/host" },
      "LOG_SOCKETS=/run/host/log\n",
    );
    await using second = await bootWithLog({
      mounts,
      services: { web: SLEEP, other: SLEEP },
      before: "touch /dev/log; mount --bind /run/host/log /dev/log",
      main: "sv start web other; exec sleep 1000",
    });
    await second.sees("ok: run: other");
    // Each sv means its own container.
    assert.match(await second.sv("stop", "web"), /^ok: down: web: /);
    assert.match(await first.sv("status", "web"), /^run: web: /);
    assert.match(await first.sv("status", "other"), /^fail: other: /);

    assert.equal(second.output.count("/dev/log belongs to another log daemon, which gets what programs send"), 1);
    assert.equal(second.output.count("/run/systemd/journal/socket belongs to another log daemon"), 1);
    assert.equal(second.output.count("lost"), 0, second.output.text);

    await second.exec("logger -t app from-second");
    await first.sees("app: from-second");
    await second.stop();
    await first.exec("logger -t app still-there; printf 'MESSAGE=journal-still-there\\n' | logger --journald");
    await first.sees("app: still-there");
    await first.sees("journal-still-there");
    assert.match(await first.sv("status", "web"), /^run: web: /);
    assert.equal((await first.stop()).code, 0);
    const left = ["shipshape", "systemd/journal", "host"].map((name) => readdirSync(join(run, name)));
    assert.deepEqual(left, [[], [], []]);
  } finally {
    discard(run);
  }
});

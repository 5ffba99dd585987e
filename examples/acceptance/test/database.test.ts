import { equal, match } from "node:assert/strict";
import { test } from "node:test";
import { assertOrder } from "../../../runtime/test/harness/fixtures.ts";
import { accept, stopsClean } from "./image.ts";

accept("database", (image) => {
  test("A40 A83 what is only in memory is on disk before the database is told to stop", async () => {
    const box = await image.start();
    // Returns when `check` says that it answers.
    match(await box.sh("sv -w 300 start redis && redis-cli set key kept"), /^ok: run: redis: .*\nOK\n$/);
    const logs = await stopsClean(box);
    assertOrder(logs, ["Ready to accept connections", "flush: OK", "User requested shutdown"]);

    await image.engine.runOrThrow("start it again", ["start", box.name]);
    equal(await box.sh("sv -w 300 start redis >/dev/null && redis-cli get key"), "kept\n");
  });

  test("A20 A40 a batch job beside it: its exit code is the container's, and the flush comes after it", async () => {
    const job = "sv -w 300 start redis && redis-cli set job done && exit 3";
    const box = await image.start([], ["/sbin/my_init", "--", "sh", "-c", job]);
    equal(await box.wait(), 3);
    assertOrder(await box.logs(), ["ok: run: redis", "flush: OK", "User requested shutdown"]);
  });

  test("A90 the database runs as its own user", async () => {
    const box = await image.start();
    await box.shows("Ready to accept connections");
    equal(await box.sh("stat -c %U $(dirname $(grep -l '^redis-server' /proc/[0-9]*/comm))"), "redis\n");
  });
});

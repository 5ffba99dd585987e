import { equal } from "node:assert/strict";
import { test } from "node:test";
import { assertOrder } from "../../../runtime/test/harness/fixtures.ts";
import { accept, stopsClean } from "./image.ts";

accept("rc-local", (image) => {
  test("A11 A84 rc.local prepares before the services, chpst sets user, nice value, limits and variables", async () => {
    const box = await image.start();
    await box.shows("limited: www-data nice +5 files 100 size 1024 cache 8192 lc unset prepared");
    equal(await box.sh("stat -c %U /srv/data/mine"), "www-data\n");
    assertOrder(await stopsClean(box), ["*** Running /etc/rc.local...", "limited: www-data", "limited: got TERM"]);
  });
});

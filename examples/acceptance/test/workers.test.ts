import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

const NAMES = [1, 2, 3, 4, 5, 6].map((number) => `worker-${number}`);

accept("workers", (image) => {
  test("A63 A90 six workers of one script by links have their user's ids, groups and home", async () => {
    const box = await image.start(["-e", "QUEUE=mails", "-e", "HOME=/nowhere"]);
    const busy = (): Promise<string> => box.sh("cd /home/app; cat *.busy 2>/dev/null || true");
    const lines = await eventually("all are busy", async () => {
      const lines = (await busy()).trim().split("\n");
      return lines.length === NAMES.length && lines;
    });
    deepEqual(new Set(lines), new Set(["app app,docker_env /home/app app /home/app mails"]));

    await box.sh("rm /home/app/worker-3.busy; kill -9 $(sv status worker-3 | sed 's/.*pid \\([0-9]*\\).*/\\1/')");
    await eventually("the third is back", async () => (await busy()).trim().split("\n").length === NAMES.length);

    const logs = await stopsClean(box);
    for (const name of NAMES) equal(logs.match(new RegExp(`^${name}: got TERM$`, "gm"))?.length, 1, logs);
  });
});

import { match, notEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

accept("passenger", (image) => {
  test("A83 control/t: requests are finished over a restart and a stop, none is cut", async () => {
    const box = await image.start();
    const page = async (path: string): Promise<string> => /process (\d+)/.exec(await box.get(80, path))?.[1] ?? "";
    const first = await eventually("nginx serves the app", async () => (await page("/")) || undefined);

    const slow = box.get(80, "/slow");
    await box.shows("app: slow request");
    match(await box.sh("sv -w 300 restart app"), /^ok: run: app: /);
    match(await slow, /^HTTP\/1\.1 200 OK[\s\S]*user www-data, home \/var\/www, process /);
    const second = await eventually("the new one serves", async () => (await page("/")) || undefined);
    notEqual(second, first);

    const last = box.get(3000, "/slow");
    await eventually("the last request is there", async () => (await box.logs()).match(/slow request/g)?.length === 2);
    const logs = await stopsClean(box, 6000);
    ok(logs.match(/^app: all requests done$/gm)?.length === 2, logs);
    ok(!logs.includes("requests are cut"), logs);
    match(logs, /signal 15 \(SIGTERM\) received/);
    await last;
  });
});

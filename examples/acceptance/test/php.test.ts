import { match } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

accept("php", (image) => {
  test("A61 A95 nginx and PHP serve with the container's environment, and both speak syslog", async () => {
    const box = await image.start(["-e", "SHOP_NAME=Ann's"]);
    const page = (path: string): Promise<string> => box.get(80, path);
    const served = async (): Promise<string | undefined> => /process (\d+)/.exec(await page("/first"))?.[1];
    const worker = await eventually("the page is served", served);
    match(await page("/tea?sort=price"), /^HTTP\/1\.1 200 [\s\S]*shop Ann's by www-data, process \d+\n$/);
    await box.shows(/shop\[\d+\]: sold: \/tea\?sort=price/, /nginx: .*"GET \/tea\?sort=price HTTP\/1\.0" 200/);
    match(await box.sh("cat /var/log/syslog"), /shop\[\d+\]: sold: \/tea[\s\S]*nginx: .*GET \/tea/);

    await box.sh(`kill -9 ${worker}`);
    await eventually("another worker serves", async () => ![undefined, worker].includes(await served()));
    const stats = (): Promise<string> => box.sh("cat /proc/[0-9]*/stat 2>/dev/null || true");
    await eventually("no zombie is left", async () => !/ Z /.test(await stats()));

    const logs = await stopsClean(box);
    match(logs, /NOTICE: exiting, bye-bye!/);
    match(logs, /signal 15 \(SIGTERM\) received/);
  });
});

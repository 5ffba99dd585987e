import { equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

accept("log-run", (image) => {
  test("A84 svlogd as the image's own logger: stamps, rotation, what is left out, and the last line", async () => {
    const box = await image.start();
    const current = (): Promise<string> => box.sh("cat /var/log/counter/current");
    await eventually("all lines are there", async () => (await current()).includes("a thousand lines"));
    const files = (await box.sh("ls /var/log/counter | grep -c '^@.*[su]$'")).trim();
    equal(files, "3", "rotated files kept");
    ok(!(await box.sh("cat /var/log/counter/@* /var/log/counter/current")).includes("noise"));
    match(await box.sh("sv status counter"), /^run: counter: \(pid \d+\) \d+s; run: log: \(pid \d+\) \d+s\n$/);

    const logs = await stopsClean(box);
    ok(!/line \d/.test(logs), `the container's log has what is the logger's:\n${logs}`);
    // A tar file, in which a text stands as it is.
    const copy = await image.engine.run(["cp", `${box.name}:/var/log/counter/current`, "-"]);
    match(copy.stdout, /^\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d+ counter: the last line$/m);
  });
});

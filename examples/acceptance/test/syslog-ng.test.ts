import { equal, match } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

accept("syslog-ng", (image) => {
  test("A95 A96 an image's own syslog daemon takes over, ours says so, loses nothing and comes back", async () => {
    const box = await image.start();
    await eventually("syslog-ng is there", async () => {
      await box.sh("logger -t probe late");
      return (await box.exec(["grep", "probe: late", "/var/log/own-syslog"])).code === 0;
    });
    // From before its time; ours had the socket then.
    match(await box.sh("cat /var/log/syslog"), /early: before any service/);
    await box.shows("early: before any service", "/dev/log belongs to another log daemon now: ours steps aside");
    await box.sh("logger -t probe once");
    await eventually("it is written", async () => (await box.sh("cat /var/log/own-syslog")).includes("probe: once"));
    equal((await box.sh("cat /var/log/syslog")).includes("probe: once"), false, "two daemons wrote the message");

    // It leaves its socket behind.
    await box.sh("sv down syslog-ng");
    await box.shows("/dev/log was left behind by a log daemon that has ended: it is bound again");
    await box.sh("logger -t probe to-ours");
    await box.shows(/ probe: to-ours/);
    await stopsClean(box);
  });
});

import { equal } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

const ASIDE = "/dev/log belongs to another log daemon now: ours steps aside";
const BACK = "/dev/log was gone: it is bound again";

accept("rsyslog", (image) => {
  test("A95 A96 Debian's rsyslog takes over, goes, comes again, and each message is in the log once", async () => {
    const box = await image.start();
    const times = async (text: string): Promise<number> => (await box.logs()).split(text).length - 1;
    const written = (text: string): Promise<true> =>
      eventually(`syslog has ${text}`, async () => (await box.sh("cat /var/log/syslog")).includes(text));

    await box.shows(/early: before any service/, ASIDE);
    await box.sh("logger -p daemon.info -t probe to-rsyslog");
    await written("probe: to-rsyslog");
    equal(await times("to-rsyslog"), 0, "ours wrote what rsyslog has");

    await box.sh("sv down rsyslog");
    await box.shows(BACK);
    await box.sh("logger -p daemon.info -t probe to-ours");
    await box.shows(/ probe: to-ours/);

    await box.sh("sv up rsyslog");
    await eventually("ours steps aside again", async () => (await times(ASIDE)) === 2);
    await box.sh("logger -p daemon.info -t probe to-rsyslog-again");
    await written("probe: to-rsyslog-again");

    const lines = (await box.sh("grep -h ' probe: ' /var/log/syslog")).trim().split("\n");
    equal(
      lines.map((line) => line.slice(line.indexOf("probe: "))).join(),
      "probe: to-rsyslog,probe: to-ours,probe: to-rsyslog-again",
    );
    await stopsClean(box);
  });
});

import { equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, stopsClean } from "./image.ts";

const SECRET = "it's a $ecret";
const SIGNED = createHash("sha256").update(SECRET).digest("hex").slice(0, 8);
const GIVEN = ["-e", `BACKUP_SECRET=${SECRET}`, "-e", "STAGE=test"];
const MINUTE_MS = 180_000;

accept("backup", (image) => {
  test("A98 jobs see what was given by -e and what startup files made of it, at boot and by the clock", async () => {
    const box = await image.start(GIVEN);
    const signed = (who: string): string => `signed ${SIGNED} for s3://test-backup by ${who}`;
    await box.shows(`boot: ${signed("root, home /root")}`);
    await eventually("the minute has come", async () => (await box.logs()).includes("minute: "), MINUTE_MS);
    const logs = await stopsClean(box);
    match(logs, new RegExp(`cron\\[\\S+\\]: minute: ${signed("www-data, home /var/www").replaceAll("$", "\\$")}`));
  });

  test("A98 a job that fails is told with its output, its name and its status", async () => {
    const box = await image.start(GIVEN);
    await box.shows("boot: signed");
    const broken = await box.exec(["cron", "run", "broken"]);
    equal(broken.code, 28);
    await box.shows("cron[broken]: no space left", /cron\[broken\]: failed: exit 28/);
    const tidy = await box.exec(["cron", "run", "daily/tidy"]);
    equal(tidy.code, 0, tidy.stderr);
    await box.shows("cron[daily/tidy]: tidied for s3://test-backup");
    match(await box.sh("cron list"), /^broken .* exit 28, .*\/etc\/cron\.d\/backup:\d+$/m);
  });

  test("A98 without the secret the job says so, and nothing else breaks", async () => {
    const box = await image.start();
    await box.shows(/cron\[\S+\]: no secret/, /cron\[\S+\]: failed: exit 1/);
    await stopsClean(box);
  });
});

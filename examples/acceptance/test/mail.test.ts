import { match } from "node:assert/strict";
import { test } from "node:test";
import { accept, stopsClean } from "./image.ts";

/** libmilter looks every 5 seconds whether it has been told to stop. */
const STOP_LIMIT_MS = 8000;

accept("mail", (image) => {
  test("A95 what a filter says to syslog only is in mail.log and in the container's log, up to its last word", async () => {
    const box = await image.start();
    await box.shows(/opendkim\[\d+\]: OpenDKIM Filter v[\d.]+ starting/);
    const logs = await stopsClean(box, STOP_LIMIT_MS);
    match(logs, /opendkim\[\d+\]: OpenDKIM Filter v[\d.]+ terminating with status 0/);

    await image.engine.runOrThrow("start it again", ["start", box.name]);
    const mail = await box.sh("cat /var/log/mail.log");
    match(mail, /starting[\s\S]*terminating with status 0/);
  });

  test("A95 a read-only container has the messages all the same", async () => {
    const box = await image.start(["--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp"]);
    await box.shows(/opendkim\[\d+\]: OpenDKIM Filter v[\d.]+ starting/);
    await stopsClean(box, STOP_LIMIT_MS);
  });
});

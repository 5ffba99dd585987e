import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas, texts } from "./fixture.ts";

/** Names below /var/log that start so, sorted. */
function names(box: Container, prefix: string): string[] {
  return readdirSync(box.path("/var/log"))
    .filter((name) => name.startsWith(prefix))
    .sort();
}

const WRITE = "for i in $(seq 100 $((99 + $1))); do echo $i $(printf '%0900d' 0); done | logger -p daemon.info -t app";

test("A97 files are rotated by size, all but the newest compressed, and no more kept than told; no cron is there", async () => {
  await using box = await bootWithLog({ files: { "/opt/write": WRITE } }, "LOG_ROTATE_SIZE=20k\nLOG_ROTATE_KEEP=3");
  // In portions, each of which a rotation and its compression can follow.
  for (let portion = 0; portion < 12; portion++) {
    await box.exec("sh /opt/write 25");
    await eventually("nothing is being compressed", () => names(box, "syslog").every((name) => !name.endsWith(".new")));
  }
  await eventually("the old files are compressed", async () => {
    // Each time: one that comes before the last rotation is moved with its file.
    await box.exec("logger -t app and-one");
    return names(box, "syslog").join(" ") === "syslog syslog.1 syslog.2.gz syslog.3.gz";
  });
  for (const name of ["syslog.2.gz", "syslog.3.gz"]) {
    const text = gunzipSync(box.readBytes(`/var/log/${name}`)).toString("latin1");
    assert.ok(
      text.endsWith("\n") && text.length >= 20_480 && text.length < 200_000,
      `${name} has ${text.length} bytes`,
    );
  }
  const { stdout } = await box.exec("stat -c '%a %G' /var/log/syslog /var/log/syslog.1 /var/log/syslog.2.gz");
  assert.equal(stdout, "640 adm\n640 adm\n640 adm\n");
});

test("A97 a captured service's file is rotated as its log.conf says, also when its line never ends", async () => {
  const files = { "log.conf": "LOG_CAPTURE=on\nLOG_ROTATE_SIZE=20k\nLOG_ROTATE_KEEP=1\n" };
  await using box = await bootWithLog({
    services: {
      lines: { run: "yes $(printf '%0100d' 0) | head -c 200000; exec sleep 1000", files },
      line: { run: "head -c 200000 /dev/zero | tr '\\0' x; exec sleep 1000", files },
    },
  });
  const size = (name: string) => statSync(box.path(`/var/log/services/${name}`), { throwIfNoEntry: false })?.size;
  for (const service of ["lines", "line"]) {
    await eventually(`${service} is rotated`, () => size(`${service}.log.1`));
    for (const name of [`${service}.log`, `${service}.log.1`])
      assert.ok((size(name) ?? 0) < 80_000, `${name}: ${size(name)} bytes`);
    for (const name of [`${service}.log.2`, `${service}.log.2.gz`]) assert.equal(size(name), undefined);
  }
});

test("A97 a file is rotated when it is old, and an empty one is not", async () => {
  await using box = await bootWithLog({}, "LOG_ROTATE_AGE=1s\nLOG_COMPRESS=off");
  await box.exec("logger -p mail.info -t app first");
  await eventually("it is rotated", () => box.has("/var/log/mail.log.1"));
  assert.ok(box.read("/var/log/mail.log.1").includes("first"));
  await box.exec("sleep 2.2");
  assert.deepEqual(names(box, "mail.log"), ["mail.log.1"]);
});

test("A97 a file that somebody else moved, emptied or took away goes on under its name", async () => {
  await using box = await bootWithLog();
  await box.exec("logger -t app one");
  await fileHas(box, "syslog", "app: one");
  await box.exec("mv /var/log/syslog /var/log/syslog.old; logger -t app two");
  await fileHas(box, "syslog", "app: two");
  await box.exec(": >/var/log/syslog; logger -t app three");
  const text = await fileHas(box, "syslog", "app: three");
  assert.ok(!text.includes("\0"), "no hole");
  await box.exec("rm /var/log/syslog; kill -HUP $(pidof logd || pgrep -x logd)");
  await eventually("the file is there again", async () => {
    // Each time: one that comes before the signal is gone with its file.
    await box.exec("logger -t app four");
    return box.has("/var/log/syslog");
  });
  const again = texts(await fileHas(box, "syslog", "app: four"));
  assert.deepEqual(new Set(again), new Set(["app: four"]));
});

import assert from "node:assert/strict";
import { cronBox } from "../cron/box.ts";
import type { Container } from "../harness/container.ts";
import { test } from "../harness/test.ts";

const SPOOL = "/var/spool/cron/crontabs";
const OLD = "@yearly echo old\n";
const TMPFS = { source: "tmpfs", type: "tmpfs", options: "size=64k,X-mount.mkdir" };
/** A table of some pages, so that a full disk cannot have room for it. */
const NEW = "@yearly echo new\n".repeat(1000);

/** Fills a file system up, its last page too. */
async function fill(box: Container, directory: string): Promise<void> {
  await box.exec(`cat /dev/zero >${directory}/filler; :`);
}

async function app(box: Container, command: string, input = ""): Promise<readonly [number | null, string]> {
  const { code, stderr } = await box.exec(command, { user: 1000, input });
  return [code, stderr];
}

test("A98 crontab on a full disk says so, leaves the old table and no scrap, and works again with room", async () => {
  await using box = await cronBox({}, { mounts: [{ ...TMPFS, at: SPOOL }] });
  await box.sees("cron: 0 jobs");
  assert.deepEqual(await app(box, "crontab -", OLD), [0, ""]);
  await fill(box, SPOOL);
  for (const user of [1000, 0]) {
    const { code, stderr } = await box.exec("crontab -u app -", { user, input: NEW });
    assert.deepEqual([code, stderr], [1, `crontab: cannot write ${SPOOL}/app: No space left on device\n`]);
  }
  assert.deepEqual((await box.exec(`ls -A ${SPOOL}`)).stdout, "app\nfiller\n");
  assert.equal((await box.exec("crontab -l", { user: 1000 })).stdout, OLD);
  assert.equal((await box.exec("cron run app")).stdout, "old\n");
  await box.exec(`rm ${SPOOL}/filler`);
  assert.deepEqual(await app(box, "crontab -", NEW), [0, ""]);
  await box.sees("cron: 1000 jobs in 1 file");
});

test("A98 with /run full cron says what it cannot write, once, and everything else works", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "@reboot root echo booted\n@yearly root echo ran\n" },
    { mounts: [{ ...TMPFS, at: "/run" }], startup: { fill: "mkdir /run/cron; cat /dev/zero >/run/filler; :" } },
  );
  await box.sees("cron[a:1]: booted");
  await box.sees("cron: cannot write /run/cron/status: No space left on device");
  for (let count = 0; count < 3; count++) assert.equal((await box.exec("cron run a:2")).stdout, "ran\n");
  assert.deepEqual(await app(box, "crontab -", OLD), [0, ""]);
  assert.match((await box.exec("cron list")).stdout, /^app +@yearly /m);
  assert.equal(box.output.count("cannot write"), 1);
  await box.exec("rm /run/filler; cron run a:2");
  await box.sees("cron[a:2]: ran", 4);
  assert.equal((await box.stop()).code, 0);
  assert.equal(box.output.count("cannot write"), 1);
});

test("A98 on a read-only root jobs run, cron list answers, and crontab says why it cannot", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "@reboot root echo booted\n", [`${SPOOL}/app`]: { content: OLD, mode: 0o600, owner: 1000 } },
    { readOnlyRoot: true },
  );
  await box.sees("cron[a]: booted");
  assert.match((await box.exec("cron list")).stdout, /^a +@reboot .* ok, /m);
  assert.deepEqual(await app(box, "crontab -", NEW), [
    1,
    `crontab: cannot write ${SPOOL}/.app.new: Read-only file system\n`,
  ]);
  assert.deepEqual(await app(box, "crontab -r"), [1, "crontab: cannot remove the crontab: Read-only file system\n"]);
  assert.equal((await box.exec("crontab -l", { user: 1000 })).stdout, OLD);
  await box.sv("down", "cron");
  assert.match((await box.exec("crontab -u app -r")).stderr, /^crontab: cannot remove the crontab: Read-only file/);
  await box.sv("up", "cron");
  await box.sees("cron: 2 jobs in 2 files", 2);
  assert.equal(box.output.count("cron[a]: booted"), 1);
});

test("A98 without a place for the spool crontab names it, and no user can put another file there", async () => {
  await using box = await cronBox({ "/var/spool": "a file\n" });
  await box.sees("cron: 0 jobs");
  assert.deepEqual(await app(box, "crontab -", OLD), [1, `crontab: cannot write ${SPOOL}/.app.new: Not a directory\n`]);
  assert.deepEqual(await app(box, "crontab -l"), [1, "crontab: cannot read the crontab: Not a directory\n"]);
});

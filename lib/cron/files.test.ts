import assert from "node:assert/strict";
import { test } from "node:test";
import { isLeftover, refuseFile, refuseName, sharersOfRootGroup } from "./files.ts";

test("refuseName() takes run-parts' names and offers one for the others", () => {
  for (const name of ["backup", "0anacron", "e2scrub_all", "A-b_9"]) assert.equal(refuseName(name), null, name);
  assert.match(refuseName("backup.sh") ?? "", /rename it to backup-sh/);
  assert.match(refuseName("a b.c") ?? "", /rename it to a-b-c/);
});

test("isLeftover() knows what editors and packages leave behind", () => {
  for (const name of [".placeholder", "x~", "#x#", "x.dpkg-old", "x.bak", ".x.swp"]) assert.ok(isLeftover(name), name);
  for (const name of ["x", "x.sh", "backup.cron"]) assert.ok(!isLeftover(name), name);
});

const FILE = { mode: 0o100644, uid: 0, gid: 0, links: 1 };

test("refuseFile() obeys what only its owner and root can have written", () => {
  assert.equal(refuseFile(FILE, 0, "", true), null);
  assert.equal(refuseFile({ ...FILE, uid: 1000, gid: 1000, mode: 0o100600 }, 1000, "", false), null);
  assert.equal(refuseFile({ ...FILE, mode: 0o100600 }, 1000, "", false), null);
  // What git with umask 002 and docker build make of a file.
  assert.equal(refuseFile({ ...FILE, mode: 0o100664 }, 0, "", true), null);
  // Layers of an image share files by hard links.
  assert.equal(refuseFile({ ...FILE, links: 2 }, 0, "", true), null);
});

test("refuseFile() refuses what others could have written, and says how to fix it", () => {
  const refused: readonly (readonly [change: Partial<typeof FILE>, shared: string, closed: boolean, reason: RegExp])[] =
    [
      [{ mode: 0o040755 }, "", true, /not a regular file/],
      [{ mode: 0o100666 }, "", true, /everybody may write to it \(mode 0666\): chmod go-w/],
      [{ mode: 0o100664, gid: 50 }, "", true, /its group may write to it \(mode 0664, gid 50\): chmod g-w/],
      [{ mode: 0o100664 }, "app", true, /mode 0664, gid 0, with app/],
      [{ uid: 1001 }, "", true, /belongs to uid 1001, not to uid 0/],
      [{ links: 2 }, "", false, /2 names \(hard links\)/],
    ];
  for (const [change, shared, closed, reason] of refused)
    assert.match(refuseFile({ ...FILE, ...change }, 0, shared, closed) ?? "", reason);
});

test("sharersOfRootGroup() names everybody but root in group 0", () => {
  const passwd = "root:x:0:0::/:\nsync:x:5:0::/:\napp:x:1000:1000::/:\n";
  assert.equal(sharersOfRootGroup(passwd, "root:x:0:root,app\nadm:x:4:x\n"), "sync,app");
  assert.equal(sharersOfRootGroup("root:x:0:0::/:\n", "root:x:0:\n"), "");
});

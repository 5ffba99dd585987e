import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Open } from "../sys.ts";
import { isTrustedPlace, openTrusted } from "./trusted-files.ts";

const WEB = 33;
const APPEND = Open.Write | Open.Append;

/** A machine on which `/log/web` is the user's, and everything else root's. */
function machine(): FakeSys {
  const sys = new FakeSys();
  sys.put("/etc/passwd", "root");
  sys.makeDirectories("/log/web");
  sys.chown("/log/web", WEB, WEB);
  return sys;
}

/** What becomes of a try to append: the text, or the reason why not. */
function append(sys: FakeSys, path: string, flags = 0): string {
  const fd = openTrusted(sys, path, APPEND | flags, 0o640);
  if (typeof fd === "string") return fd;
  if (fd < 0) return String(fd);
  sys.write(fd, "+");
  return sys.textOf(path);
}

test("openTrusted() opens and makes plain files, also in a directory that others may write", () => {
  const sys = machine();
  assert.equal(append(sys, "/log/a", Open.Create), "+");
  assert.equal(append(sys, "/log/web/a", Open.Create | Open.Exclusive), "+");
  sys.put("/log/web/own", "own");
  sys.chown("/log/web/own", WEB, WEB);
  assert.equal(append(sys, "/log/web/own"), "own+");
  assert.equal(append(sys, "/log/web/none"), "-2");
});

test("openTrusted() follows the links that only root can have made", () => {
  const sys = machine();
  sys.put("/data/a", "a");
  sys.putLink("/log/a", "/data/a");
  sys.putLink("/log/d", "../data/./x/..");
  sys.makeDirectories("/data/x");
  assert.equal(append(sys, "/log/a"), "a+");
  assert.equal(append(sys, "/log/d/a"), "a++");
  sys.putLink("/log/loop", "loop");
  assert.match(append(sys, "/log/loop"), /leads nowhere/);
});

test("openTrusted() refuses what somebody else could have put in a file's place", () => {
  const sys = machine();
  sys.putLink("/log/web/link", "/etc/passwd");
  assert.match(append(sys, "/log/web/link"), /^"\/log\/web\/link" is a link in a directory that others may write$/);
  sys.putHardLink("/log/web/hard", "/etc/passwd");
  assert.match(append(sys, "/log/web/hard"), /has another name \(a hard link\)/);
  sys.put("/log/web/foreign");
  sys.chown("/log/web/foreign", 44, 44);
  assert.match(append(sys, "/log/web/foreign"), /belongs to user 44/);
  sys.makeDirectories("/log/web/sub");
  assert.match(
    append(sys, "/log/web/sub/a", Open.Create),
    /others than root may write "\/log\/web" and put a link in the place of "\/log\/web\/sub"/,
  );
  sys.putLink("/log/through", "/log/web/link");
  assert.match(append(sys, "/log/through"), /is a link in a directory/);
  assert.equal(sys.textOf("/etc/passwd"), "root");
});

test("openTrusted() looks at the permissions of directories, with the sticky bit for those above", () => {
  const sys = machine();
  sys.makeDirectories("/tmp/sub");
  sys.chmod("/tmp", 0o777);
  assert.match(append(sys, "/tmp/sub/a", Open.Create), /others than root may write "\/tmp"/);
  assert.equal(isTrustedPlace(sys, "/tmp/sub/a"), false);
  assert.equal(append(sys, "/tmp/a", Open.Create), "+");
  sys.chmod("/tmp", 0o1777);
  assert.equal(append(sys, "/tmp/sub/a", Open.Create), "+");
  assert.equal(isTrustedPlace(sys, "/tmp/sub/a"), true);
  sys.chown("/tmp/sub", WEB, WEB);
  assert.match(append(sys, "/tmp/sub/a"), /others than root may write "\/tmp"/);
});

test("openTrusted() opens whatever is there for a process that is not root", () => {
  const sys = machine();
  sys.putLink("/log/web/link", "/etc/passwd");
  sys.uid = WEB;
  assert.equal(append(sys, "/log/web/link"), "root+");
});

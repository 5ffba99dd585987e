import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { isDirectory, isExecutable, readFile, replaceFile, writeFile } from "./files.ts";

const FRESH = { mode: 0o640, uid: 0, gid: 42 };

function stat(sys: FakeSys, path: string) {
  const result = sys.stat(path);
  assert.ok(typeof result !== "number", `stat of ${path} answered ${result}`);
  return result;
}

test("readFile() reads all of a file that comes in pieces, up to the limit", () => {
  const sys = new FakeSys();
  const content = "0123456789".repeat(20_000);
  sys.put("/f", content);
  assert.equal(readFile(sys, "/f"), content);
  assert.equal(readFile(sys, "/f", 100_001), content.slice(0, 100_001));
  assert.equal(readFile(sys, "/none"), -Errno.ENOENT);
  assert.equal(readFile(sys, "/"), -Errno.EISDIR);
});

test("readFile() leaves no descriptor, whatever happens", () => {
  const sys = new FakeSys();
  sys.put("/f", "x");
  const next = sys.memfd();
  sys.close(next);
  for (const path of ["/f", "/none", "/"]) readFile(sys, path);
  assert.equal(sys.memfd(), next);
});

test("writeFile() goes on after a short write and an interruption, and tells of a full disk", () => {
  const sys = new FakeSys();
  const write = sys.write.bind(sys);
  const answers = [-Errno.EINTR, 2, 1];
  sys.write = (fd, data) => {
    const answer = answers.shift() ?? data.length;
    return answer < 0 ? answer : write(fd, data.slice(0, answer));
  };
  assert.equal(writeFile(sys, "/f", "12345", 0o600), 0);
  assert.equal(sys.textOf("/f"), "12345");
  sys.write = () => 0;
  assert.equal(writeFile(sys, "/f", "12345", 0o600), -Errno.ENOSPC);
});

test("replaceFile() makes a file with the given owner and mode, and keeps those of one that is there", () => {
  const sys = new FakeSys();
  assert.equal(replaceFile(sys, "/f", "one", FRESH), 0);
  const { mode, uid, gid } = stat(sys, "/f");
  assert.deepEqual([mode & 0o7777, uid, gid], [0o640, 0, 42]);
  sys.chmod("/f", 0o604);
  sys.chown("/f", 7, 8);
  assert.equal(replaceFile(sys, "/f", "two", FRESH), 0);
  const after = stat(sys, "/f");
  assert.deepEqual([after.mode & 0o7777, after.uid, after.gid, sys.textOf("/f")], [0o604, 7, 8, "two"]);
  assert.deepEqual(sys.readdir("/"), ["f"]);
});

test("replaceFile() does not write through what lies under the temporary name", () => {
  const sys = new FakeSys();
  sys.put("/victim", "safe");
  sys.putLink("/f.new", "/victim");
  assert.equal(replaceFile(sys, "/f", "data", FRESH), 0);
  assert.deepEqual([sys.textOf("/victim"), sys.textOf("/f")], ["safe", "data"]);
});

test("replaceFile() writes in place what cannot be renamed over, and leaves no temporary file", () => {
  const sys = new FakeSys();
  sys.put("/f", "old");
  sys.rename = () => -16;
  assert.equal(replaceFile(sys, "/f", "new", FRESH), 0);
  assert.equal(sys.textOf("/f"), "new");
  assert.deepEqual(sys.readdir("/"), ["f"]);
});

test("replaceFile() keeps the old content when the disk is full", () => {
  const sys = new FakeSys();
  sys.put("/f", "old");
  sys.write = () => -Errno.ENOSPC;
  assert.equal(replaceFile(sys, "/f", "new", FRESH), -Errno.ENOSPC);
  assert.equal(sys.textOf("/f"), "old");
  assert.deepEqual(sys.readdir("/"), ["f"]);
});

test("isExecutable() and isDirectory() follow links and tell kinds apart", () => {
  const sys = new FakeSys();
  sys.put("/script", "#!/bin/sh\n", 0o755);
  sys.put("/text", "", 0o644);
  sys.mkdir("/dir", 0o755);
  for (const name of ["script", "text", "dir", "none"]) sys.putLink(`/to-${name}`, `/${name}`);
  const executable = ["/script", "/to-script", "/text", "/dir", "/to-dir", "/to-none", "/none"];
  assert.deepEqual(
    executable.filter((path) => isExecutable(sys, path)),
    ["/script", "/to-script"],
  );
  assert.deepEqual(
    executable.filter((path) => isDirectory(sys, path)),
    ["/dir", "/to-dir"],
  );
});

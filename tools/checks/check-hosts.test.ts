import assert from "node:assert/strict";
import test from "node:test";
import { hostFindings, hostsIn, machinePaths } from "./check-hosts.ts";

test("hostsIn() gives the hosts of web addresses once, without user, port and path", () => {
  const text =
    "deb [x=y] https://Mirror.example/debian a main\nURIs: http://user:pw@b.example:8080/x http://mirror.example";
  assert.deepEqual(hostsIn(text), ["b.example", "mirror.example"]);
});

test("hostsIn() leaves out what names no registry: files, numbers, this machine", () => {
  assert.deepEqual(hostsIn("file:/srv/apt cdrom:[x] http://127.0.0.1:3142/debian http://localhost/"), []);
});

test("machinePaths() gives the root, and its parent unless every machine has such a directory", () => {
  assert.deepEqual(machinePaths("/data/team/clone"), ["/data/team/clone/", "/data/team/"]);
  for (const parent of ["/tmp", "/root", "/home/someone", "/usr/src"]) {
    assert.deepEqual(machinePaths(`${parent}/clone`), [`${parent}/clone/`]);
  }
});

test("hostFindings() names file, line and word", () => {
  const files = new Map([
    ["good.ts", "nothing\n/tmp/data/clone/file\n"],
    ["bad.md", "fine\nget it from https://MIRROR.example/x\n/data/clone/file\n"],
  ]);
  assert.deepEqual(hostFindings(files, ["mirror.example", "/data/clone/"]), [
    "bad.md:2: must not name mirror.example",
    "bad.md:3: must not name /data/clone/",
  ]);
});

import assert from "node:assert/strict";
import test from "node:test";
import { mirrorsIn, rootfsPath, sourcesList } from "./debian.ts";

test("sourcesList() takes this machine's mirrors for another release", () => {
  const targets = [
    "Debian Debian http://mirror.example/debian/",
    "Other Other http://other.example/",
    "Debian Debian-Security http://mirror.example/debian-security/",
  ].join("\n");
  assert.deepEqual(sourcesList("trixie", mirrorsIn(targets)), [
    "deb http://mirror.example/debian/ trixie main",
    "deb http://mirror.example/debian/ trixie-updates main",
    "deb http://mirror.example/debian-security/ trixie-security main",
  ]);
});

test("sourcesList() leaves out security updates when apt knows no mirror of them", () => {
  const list = sourcesList("bookworm", mirrorsIn("Debian Debian http://mirror.example/debian/\n"));
  assert.deepEqual(
    list.filter((line) => line.includes("security")),
    [],
  );
  assert.equal(list.length, 2);
});

test("sourcesList() is empty when apt knows no Debian mirror", () => {
  assert.deepEqual(sourcesList("trixie", mirrorsIn("Ubuntu Ubuntu http://ubuntu.example/ubuntu/\n")), []);
});

test("rootfsPath() is another one when another mirror is named", () => {
  const paths = [undefined, "http://a.example/debian", "http://b.example/debian"].map((mirror) =>
    rootfsPath("trixie", mirror),
  );
  assert.equal(new Set(paths).size, 3);
  assert.match(paths[0] ?? "", /\/trixie\.tar$/);
});

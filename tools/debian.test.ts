import assert from "node:assert/strict";
import test from "node:test";
import { sourcesList } from "./debian.ts";

test("sourcesList() takes this machine's mirrors for another release", () => {
  const targets = [
    "Debian Debian http://mirror.example/debian/",
    "Other Other http://other.example/",
    "Debian Debian-Security http://mirror.example/debian-security/",
  ].join("\n");
  assert.deepEqual(sourcesList("trixie", targets), [
    "deb http://mirror.example/debian/ trixie main",
    "deb http://mirror.example/debian/ trixie-updates main",
    "deb http://mirror.example/debian-security/ trixie-security main",
  ]);
});

test("sourcesList() is empty when apt knows no Debian mirror", () => {
  assert.deepEqual(sourcesList("trixie", "Ubuntu Ubuntu http://ubuntu.example/ubuntu/\n"), []);
});

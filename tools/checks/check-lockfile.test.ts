import assert from "node:assert/strict";
import test from "node:test";
import { lockfileFindings } from "./check-lockfile.ts";

test("lockfileFindings() finds nothing in a lock file without hosts and gaps", () => {
  const packages = {
    "": {},
    "node_modules/a": { optionalDependencies: { b: "1.0.0" } },
    "node_modules/a/node_modules/b": {},
  };
  assert.deepEqual(lockfileFindings({ packages }), []);
});

test("lockfileFindings() names a package with a registry's address, and a missing optional dependency", () => {
  const packages = {
    "node_modules/a": { resolved: "https://registry.example/a.tgz", optionalDependencies: { b: "1.0.0" } },
  };
  const findings = lockfileFindings({ packages });
  assert.match(findings[0] ?? "", /^node_modules\/a: names a registry/);
  assert.match(findings[1] ?? "", /^node_modules\/a: its optional b is not in the lock file/);
  assert.equal(findings.length, 2);
});

test("lockfileFindings() fails when it sees no package", () => {
  assert.deepEqual(lockfileFindings({ packages: {} }), ["no package was seen: this check sees nothing"]);
});

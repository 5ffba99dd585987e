import assert from "node:assert/strict";
import test from "node:test";
import { staleReason } from "./dependencies.mjs";

const wanted = {
  packages: {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/other-system": { version: "2.0.0", optional: true },
  },
};

test("staleReason() is null when what is installed is what the lock file names", () => {
  assert.equal(staleReason(wanted, { packages: { "node_modules/a": { version: "1.0.0" } } }), null);
});

test("staleReason() names the first difference", () => {
  assert.equal(staleReason(wanted, null), "node_modules is missing");
  assert.equal(staleReason(wanted, { packages: {} }), "node_modules/a is missing, 1.0.0 is wanted");
  const old = { packages: { "node_modules/a": { version: "0.9.0" } } };
  assert.equal(staleReason(wanted, old), "node_modules/a is 0.9.0, 1.0.0 is wanted");
  const other = {
    packages: { "node_modules/a": { version: "1.0.0" }, "node_modules/other-system": { version: "1.0.0" } },
  };
  assert.equal(staleReason(wanted, other), "node_modules/other-system is 1.0.0, 2.0.0 is wanted");
});

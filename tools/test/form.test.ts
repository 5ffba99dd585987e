import assert from "node:assert/strict";
import test from "node:test";
import { variants } from "../runtime/compiler.ts";
import { filesFor, instrumented } from "./form.ts";
import { plan } from "./plan.ts";
import { testFiles } from "./suite.ts";

const files = [...testFiles("contract"), ...testFiles("torture")];

test("filesFor() has tests for every build, and the short form's are some of the long form's", () => {
  for (const variant of variants) {
    const short = filesFor("short", variant, files);
    assert.ok(short.length > 0, variant);
    const long = filesFor("long", variant, files);
    assert.deepEqual(
      short.filter((file) => !long.includes(file)),
      [],
      variant,
    );
  }
});

test("filesFor() throws when a build would have no test, or one that is not there", () => {
  assert.throws(() => filesFor("short", "asan", []), /cannot test the asan build: .* names .*sys-suite\.test\.ts/);
});

test("instrumented names a file once, and says why", () => {
  const named = instrumented.map(({ file }) => file);
  assert.deepEqual(named, [...new Set(named)]);
  for (const { builds, why } of instrumented) assert.ok(builds.length > 0 && why !== "");
});

test("plan() makes no build that is not tested, in either form", () => {
  for (const form of ["short", "long"] as const) {
    const phases = plan(form);
    const builds = phases.map(({ name }) => name).filter((name) => name.startsWith("build runtime"));
    assert.equal(builds.length, variants.length + 1);
    for (const build of builds)
      assert.ok(
        phases.some(({ needs }) => needs?.includes(build)),
        `${build} in the ${form} form`,
      );
  }
});

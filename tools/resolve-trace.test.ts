import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { resolveTrace } from "./resolve-trace.ts";
import { bundleApplets } from "./runtime/applets.ts";
import { top } from "./setup/places.ts";

const source = "runtime/test/applets/remote.ts";

/** Where this text begins: `line:column` from 1, in a file's text. */
function positionOf(text: string, part: string): string {
  const before = text.slice(0, text.indexOf(part)).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}

test("resolveTrace() gives the position in the source of one in a bundle, and leaves what no map knows", async () => {
  const applets = await bundleApplets(join(top, "runtime/test/applets"));
  const remote = applets.find(({ name }) => name === "remote");
  assert.ok(remote !== undefined);
  const thrown = "new Error(";
  const dir = mkdtempSync(join(tmpdir(), "shipshape-"));
  // The map names sources from the directory that the build puts it into.
  const map = JSON.parse(remote.sourceMap) as { sources: string[] };
  map.sources = map.sources.map((path) => join(top, "dist/runtime/amd64", path));
  writeFileSync(join(dir, "remote.js.map"), JSON.stringify(map));
  try {
    const bundled = positionOf(remote.script, thrown);
    const original = positionOf(readFileSync(join(top, source), "utf8"), thrown);
    const trace = (position: string) => `    at answer (${position})\n    at other.js:1:2\n`;
    assert.equal(resolveTrace(trace(`remote.js:${bundled}`), dir), trace(`${source}:${original}`));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

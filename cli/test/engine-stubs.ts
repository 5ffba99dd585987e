import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** A directory with stand-ins of the engines, which know some containers by name, as first place of a PATH; gone after the tests. */
export function engineStubs(): { readonly directory: string; readonly env: Record<string, string | undefined> } {
  const directory = mkdtempSync(join(tmpdir(), "shipshape-completion-"));
  after(() => rmSync(directory, { recursive: true }));
  for (const [engine, names] of [
    ["docker", "web worker"],
    ["podman", "wonder"],
  ] as const) {
    writeFileSync(join(directory, engine), `#!/bin/sh\n[ "$1" = ps ] && printf '%s\\n' ${names}\n`);
    chmodSync(join(directory, engine), 0o755);
  }
  // Whoever runs the tests may have chosen one of the engines for them; empty is no choice.
  return { directory, env: { ...process.env, PATH: `${directory}:${process.env.PATH}`, SHIPSHAPE_ENGINE: "" } };
}

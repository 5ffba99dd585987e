import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { podmanAt } from "../../host/engines/host-engine.ts";
import { openPodman } from "./podman.ts";

test("podmanAt() is null when Podman answers but starts no container", { timeout: 10 * 60_000 }, async () => {
  const { env } = await openPodman();
  const directory = mkdtempSync(join(tmpdir(), "shipshape-podman-"));
  try {
    const broken = join(directory, "containers.conf");
    // false(1) as the runtime: every question is answered, and nothing runs.
    writeFileSync(
      broken,
      '[engine]\nruntime = "broken"\nlock_type = "file"\n[engine.runtimes]\nbroken = ["/bin/false"]\n',
    );
    const storage = join(directory, "storage.conf");
    const places = `graphroot = "${directory}/storage"\nrunroot = "${directory}/run"\n`;
    writeFileSync(storage, `[storage]\ndriver = "vfs"\n${places}`);
    const variables = { CONTAINERS_CONF: broken, CONTAINERS_STORAGE_CONF: storage };
    assert.equal(await podmanAt(variables), null);
    assert.notEqual(await podmanAt(env), null);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

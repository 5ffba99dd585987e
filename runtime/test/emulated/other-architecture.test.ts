import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSpawnFailure } from "../../../lib/linux/spawn-failure.ts";
import { type Arch, hostArch, toolchains } from "../../../tools/runtime/arch.ts";
import { dist } from "../../../tools/runtime/compiler.ts";
import { behaviours } from "../../src/fake/sys-suite.ts";
import { Errno } from "../../src/sys.ts";
import { boot } from "../harness/container.ts";
import { test } from "../harness/test.ts";
import { bootApplet, bootRemote } from "../native/remote.ts";

// The binary for the architecture that this machine does not have, under qemu-user: there a clone that shares memory is a fork.

const arch: Arch = hostArch() === "amd64" ? "arm64" : "amd64";
const { emulator, machine } = toolchains[arch];
const directory = dist({ arch, variant: "release" });
const tests = join(directory, "tests/shipshape");

/** qemu-user of Debian 12 and 13 has no F_NOTIFY: nothing about directories that are watched can be told. */
const isEmulated = (line: string) => !line.includes("a watched directory tells");

test(`the binding for ${arch} behaves as the suite says`, async () => {
  await using box = await bootApplet("suite", { command: [emulator, "/opt/suite"] }, tests);
  assert.equal((await box.ended()).code, 0);
  assert.deepEqual(
    box.output.lines.filter(isEmulated),
    behaviours.map(({ name }) => `passed ${name}`).filter(isEmulated),
  );
});

test(`spawn() for ${arch} tells the error number where a clone is a fork`, async () => {
  await using remote = await bootRemote({ command: [emulator, "/opt/remote"] }, tests);
  assert.equal(await remote.call("machine"), machine);
  const spawn = (program: string, cwd = "") => remote.call("spawn", program, "x", "", cwd, [-1, -1, -1], 0, null);
  assert.equal(await spawn("/bin/none"), -Errno.ENOENT);
  assert.equal(await spawn("/etc/passwd"), -Errno.EACCES);
  const failure = parseSpawnFailure(-Number(await spawn("/bin/true", "/none")));
  assert.deepEqual(failure, { step: "directory", errno: Errno.ENOENT });
  assert.ok(Number(await spawn("/bin/true")) > 0);
  await remote.box.sees("signal 17");
});

test(`my_init for ${arch} boots, supervises and stops`, async () => {
  await using box = await boot({
    command: [emulator, "/opt/my_init"],
    files: { "/opt/my_init": { content: readFileSync(join(directory, "shipshape")), mode: 0o755 } },
    startup: { first: "echo startup" },
    services: { s: { run: "trap 'echo service told; exit' TERM; echo service runs; while :; do sleep 0.1; done" } },
  });
  await box.sees("startup");
  await box.sees("service runs");
  assert.match(await box.sv("status", "s"), /^run: s: \(pid \d+\)/);
  const { code } = await box.stop();
  assert.equal(code, 0);
  assert.match(box.output.text, /service told/);
});

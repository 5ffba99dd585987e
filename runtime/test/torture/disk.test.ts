import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { waiting } from "../harness/fixtures.ts";
import { assertWell, vitals } from "../harness/health.ts";
import { test } from "../harness/test.ts";

/** Shell text that puts a small file system with the present content over a directory and fills it up, inodes too. */
function fill(directory: string): string {
  return `mkdir -p /mnt/${directory}; mount -t tmpfs -o size=1m tmpfs /mnt/${directory}; cp -a /${directory}/. /mnt/${directory}/
    mount --move /mnt/${directory} /${directory}; cat /dev/zero >/${directory}/filler 2>/dev/null`;
}

test("A66 a full disk stops neither the boot nor the services nor the shutdown", async () => {
  await using box = await boot({
    before: [fill("etc"), fill("run"), fill("tmp"), fill("var")].join("\n"),
    main: `echo "main $FROM_DIRECTORY $FROM_ENGINE"; ${waiting({ TERM: "exit 3" })}`,
    env: { FROM_ENGINE: "1" },
    environment: { FROM_DIRECTORY: "2" },
    startup: { "10_a": 'echo "startup $FROM_DIRECTORY $FROM_ENGINE"' },
    services: { s: { run: waiting({ TERM: "exit 0" }, "service-ready"), log: "exec cat >/var/log/s" } },
    postShutdown: { p: "echo hook-ran >&2" },
  });
  await box.sees("service-ready");
  await box.sees(/^ready$/m);
  // The other pipe, which may be read later.
  await box.sees(/^main 2 1$/m);
  assert.equal(box.output.stdout, "startup 2 1\nmain 2 1\n");
  const warnings = box.output.lines.filter((line) => line.startsWith("*** cannot write /etc/container_environment"));
  assert.equal(warnings.length, 1, warnings.join("\n"));
  assert.match(warnings[0] ?? "", /No space left on device/);
  // A socket needs an inode but no block: sv works.
  await assertWell(box, await vitals(box, "s"), "s");
  assert.equal((await box.stop()).code, 3);
  assert.equal(box.output.count("hook-ran"), 1);
});

test("A68 a dump that finds the disk full leaves the one before whole, and no scrap of itself", async () => {
  await using box = await boot({
    main: "cat /etc/container_environment.sh; ls /etc | grep container_environment; exit 0",
    before: fill("etc").replace(/cat .*$/, ""),
    env: { STEP: "one" },
    startup: { "10_a": "echo two >/etc/container_environment/STEP; cat /dev/zero >/etc/filler 2>/dev/null; true" },
  });
  assert.equal((await box.ended()).code, 0);
  assert.match(box.output.stdout, /^export STEP='one'$/m);
  assert.deepEqual(box.output.stdout.split("\n").slice(-4, -1), [
    "container_environment",
    "container_environment.json",
    "container_environment.sh",
  ]);
  assert.match(box.output.stderr, /^\*\*\* cannot write \/etc\/container_environment\.sh: No space left on device/m);
});

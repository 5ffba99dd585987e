import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { assertOrder, waiting } from "../harness/fixtures.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

test("A10 the steps of a boot come in their order", async () => {
  await using box = await boot({
    args: ["--enable-insecure-key"],
    main: `echo "main $$ $FROM_DIR" >&2; ${waiting()}`,
    environment: { FROM_DIR: "imported" },
    startup: { "10_a": 'echo "startup $FROM_DIR"; cat /etc/container_environment.sh; ls /etc/container_environment' },
    files: {
      "/opt/sbin/enable_insecure_key": script('echo "key $FROM_DIR" >&2; ls /etc/container_environment.json >&2'),
      "/etc/rc.local": script("echo rc-local"),
    },
    mounts: [{ source: "box:/opt/sbin", at: "/usr/sbin", type: "none", options: "bind" }],
    services: { s: { run: `echo "service $$ $FROM_DIR" >&2; ${waiting()}` } },
  });
  const service = await box.sees(/^service (\d+) imported$/m);
  const main = await box.sees(/^main (\d+) imported$/m);
  // The two outputs are two pipes: that one was read says nothing of the other.
  await box.sees("rc-local\n");
  assertOrder(box.output.stderr, [
    "key imported\n",
    "/etc/container_environment.json\n",
    "Running /etc/my_init.d/10_a...",
    "Running /etc/rc.local...",
    "Running /opt/main...",
  ]);
  assertOrder(box.output.stdout, ["startup imported\n", "export FROM_DIR='imported'\n", "HOSTNAME\n", "rc-local\n"]);
  assert.ok(Number(service[1]) < Number(main[1]), "the main command was started before the service");
});

test("A11 startup files run in the order of their code points, dot-files and backups too", async () => {
  const names = ["10_b", "2_a", "B", "_x", "a", ".hidden", "z~", "a.sh", "é", "10_b.sh"];
  await using box = await boot({
    args: ["--", "true"],
    startup: Object.fromEntries(names.map((name) => [name, 'echo "${0##*/}"'])),
  });
  assert.equal((await box.ended()).code, 0);
  const sorted = [".hidden", "10_b", "10_b.sh", "2_a", "B", "_x", "a", "a.sh", "z~", "é"];
  assert.deepEqual(box.output.stdout.trimEnd().split("\n"), sorted);
});

test("A11 startup files run one at a time, and rc.local last", async () => {
  await using box = await boot({
    args: ["--", "true"],
    startup: { "10_a": "echo a-begins; sleep 0.2; echo a-ends", "20_b": "echo b-begins; sleep 0.1; echo b-ends" },
    files: { "/etc/rc.local": script("echo rc-local") },
  });
  await box.ended();
  assert.equal(box.output.stdout, "a-begins\na-ends\nb-begins\nb-ends\nrc-local\n");
});

test("A11 links are followed, and what cannot be run is skipped with one warning that says why", async () => {
  await using box = await boot({
    args: ["--", "true"],
    startup: { "10_a": "echo a", "90_z": "echo z" },
    files: {
      "/opt/linked": script("echo linked"),
      "/etc/my_init.d/20_link": { link: "/opt/linked" },
      "/etc/my_init.d/30_directory": { directory: true },
      "/etc/my_init.d/40_dangling": { link: "/nowhere" },
      "/etc/my_init.d/45_masked": { link: "/dev/null" },
      "/etc/my_init.d/50_plain": "#!/bin/sh\necho plain\n",
      "/etc/rc.local": "#!/bin/sh\necho rc\n",
    },
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "a\nlinked\nz\n");
  for (const [path, reason] of [
    ["/etc/my_init.d/30_directory", /directory/],
    ["/etc/my_init.d/40_dangling", /link/],
    ["/etc/my_init.d/50_plain", /executable/],
    ["/etc/rc.local", /executable/],
  ] as const) {
    const warnings = box.output.lines.filter((line) => line.startsWith("*** ") && line.includes(`${path} `));
    assert.equal(warnings.length, 1, `${path}: ${warnings.length} warnings`);
    assert.match(warnings[0] ?? "", reason);
  }
  assert.ok(!box.output.text.includes("45_masked"), box.output.text);
});

test("A11 a startup file that is executable for another user only is skipped, not a failure", async () => {
  await using box = await boot({
    user: 1000,
    args: ["--", "true"],
    files: { "/etc/my_init.d/10_a": { content: "#!/bin/sh\necho a\n", mode: 0o700 } },
  });
  assert.equal((await box.ended()).code, 0);
  assert.match(box.output.stderr, /\*\*\* \/etc\/my_init\.d\/10_a .*executable/);
});

test("A11 startup files inherit the working directory and stdin", async () => {
  await using box = await boot({
    args: ["--", "sh", "-c", 'read line; echo "main read $line in $PWD"'],
    before: "cd /var/tmp",
    stdin: true,
    startup: { "10_a": 'read line; echo "startup read $line in $PWD"' },
  });
  await box.sees("Running /etc/my_init.d/10_a");
  box.type("one\n");
  await box.sees("startup read one in /var/tmp");
  box.type("two\n");
  await box.sees("main read two in /var/tmp");
});

test("A11 no init directory is no startup file", async () => {
  await using box = await boot({ args: ["--", "true"], files: { "/etc/my_init.d": null } });
  assert.equal((await box.ended()).code, 0);
  assert.doesNotMatch(box.output.stderr, /my_init\.d/);
});

for (const code of [1, 3, 127, 255]) {
  test(`A12 a startup file that exits with ${code} ends the boot with 1: no services, no hooks, everything killed`, async () => {
    await using box = await boot({
      args: ["--", "sh", "-c", "echo main-ran"],
      startup: {
        "10_a": `(${waiting({ TERM: "echo orphan-got-TERM >&2; exit" }, "orphan-ready")}) & echo a-ran`,
        "20_b": `until grep -qs x /tmp/go; do sleep 0.01; done; exit ${code}`,
        "30_c": "echo c-ran",
      },
      services: { s: { run: "echo service-ran" } },
      preShutdown: { p: "echo hook-ran" },
      postShutdown: { p: "echo hook-ran" },
    });
    await box.sees("orphan-ready");
    box.write("/tmp/go", "x");
    assert.equal((await box.ended()).code, 1);
    assert.equal(box.output.stdout, "a-ran\n");
    assertOrder(box.output.stderr, [
      `*** /etc/my_init.d/20_b failed with status ${code}\n`,
      "*** Killing all processes...\n",
      "orphan-got-TERM\n",
    ]);
  });
}

test("A12 rc.local that fails ends the boot too", async () => {
  await using box = await boot({ args: ["--", "echo", "main-ran"], files: { "/etc/rc.local": script("exit 9") } });
  assert.equal((await box.ended()).code, 1);
  assertOrder(box.output.stderr, ["*** /etc/rc.local failed with status 9\n"]);
  assert.equal(box.output.stdout, "");
});

for (const signal of ["KILL", "SEGV", "TERM"]) {
  test(`A12 a startup file that SIG${signal} ends is told with the signal's name`, async () => {
    await using box = await boot({ startup: { "10_a": `kill -${signal} $$` } });
    assert.equal((await box.ended()).code, 1);
    assert.match(box.output.stderr, new RegExp(`^\\*\\*\\* /etc/my_init\\.d/10_a failed .*SIG${signal}`, "m"));
  });
}

test("A12 a startup file without #! line is run by /bin/sh, with a warning", async () => {
  await using box = await boot({
    args: ["--", "echo", "main-ran"],
    files: { "/etc/my_init.d/10_a": { content: 'echo "a ran, $0"\n', mode: 0o755 } },
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "a ran, /etc/my_init.d/10_a\nmain-ran\n");
  assert.match(box.output.stderr, /^\*\*\* \/etc\/my_init\.d\/10_a .*#!.*\/bin\/sh/m);
});

/** The head of a 64-bit little-endian ELF program for the machine with this number. */
function elf(machine: number): Buffer {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  return head;
}

for (const { what, content, cause } of [
  { what: "whose interpreter does not exist", content: "#!/opt/no/python3\n", cause: "/opt/no/python3" },
  { what: "with Windows line ends", content: "#!/bin/sh\r\necho hi\r\n", cause: "Windows line ends" },
  { what: "built for another architecture", content: elf(22), cause: "s390x" },
]) {
  test(`A12 a startup file ${what} ends the boot with a line that names the file and the cause`, async () => {
    await using box = await boot({
      args: ["--", "echo", "main-ran"],
      files: { "/etc/my_init.d/10_a": { content, mode: 0o755 } },
    });
    assert.equal((await box.ended()).code, 1);
    const line = box.output.lines.find((text) => text.startsWith("*** ") && text.includes("/etc/my_init.d/10_a:"));
    assert.ok(line?.includes(cause), `says: ${line}`);
    assert.equal(box.output.stdout, "");
  });
}

test("A13 a startup file's background child survives the boot and is reaped later", async () => {
  await using box = await boot({
    startup: { "10_a": `(${waiting({ TERM: "exit 3" }, "child-ready")}) & echo $! >/tmp/pid` },
    services: { s: { run: waiting({}, "service-ready") } },
  });
  await box.sees("child-ready");
  await box.sees("service-ready");
  const pid = Number(box.read("/tmp/pid"));
  assert.equal(box.process(pid)?.parent, 1);
  await box.exec(`kill -TERM ${pid}`);
  await eventually("the child is reaped", () => box.process(pid) === undefined);
});

test("A14 without a main command it runs until it is stopped", async () => {
  await using box = await boot({ services: { once: { run: "echo service-ran; sv down once" } } });
  await box.sees("service-ran");
  await eventually("the only service is down", async () => (await box.sv("status", "once")).startsWith("down:"));
  assert.equal(box.process(1)?.name, "my_init");
  assert.equal((await box.stop()).code, 0);
});

test("A15 the main command is looked up in the PATH of the environment directory", async () => {
  await using box = await boot({
    args: ["--", "the-tool", "argument"],
    startup: { "10_path": 'printf "/opt/tools:%s" "$PATH" >/etc/container_environment/PATH' },
    files: { "/opt/tools/the-tool": script('echo "the-tool $1"; exit 21') },
  });
  assert.equal((await box.ended()).code, 21);
  assert.equal(box.output.stdout, "the-tool argument\n");
});

test("A15 a main command that is a path is named with what is wrong with it", async () => {
  for (const [command, reason] of [
    ["/opt", "/opt: is a directory"],
    ["/opt/plain", "/opt/plain: is not executable: chmod +x /opt/plain"],
    ["/opt/none", "/opt/none: there is no such file"],
    ["", '"": its name is empty'],
  ]) {
    await using box = await boot({
      args: ["--", String(command)],
      files: { "/opt/plain": { content: "#!/bin/sh\n", mode: 0o644 } },
    });
    await box.ended();
    assert.ok(box.output.lines.includes(`*** cannot run ${reason}`), box.output.text);
  }
});

for (const { command, code, why } of [
  { command: "no-such-tool", code: 127, why: "not found" },
  { command: "/opt/no-such-tool", code: 127, why: "not found by its path" },
  { command: "plain-file", code: 126, why: "found but not executable" },
  { command: "/opt/tools", code: 126, why: "a directory" },
  { command: "no-interpreter", code: 126, why: "found but cannot be started" },
]) {
  test(`A15 a main command that is ${why} ends with ${code}, a message and the whole shutdown`, async () => {
    await using box = await boot({
      args: ["--", command, "argument"],
      env: { PATH: "/opt/tools:/usr/bin:/bin" },
      files: {
        "/opt/tools/plain-file": "#!/bin/sh\n",
        "/opt/tools/no-interpreter": { content: "#!/opt/no/sh\n", mode: 0o755 },
      },
      postShutdown: { p: "echo hook-ran" },
    });
    assert.equal((await box.ended()).code, code);
    assert.ok(
      box.output.lines.some((line) => line.startsWith("*** ") && line.includes(command) && !line.includes("Running")),
      "no message names the command",
    );
    assert.equal(box.output.stdout, "hook-ran\n");
  });
}

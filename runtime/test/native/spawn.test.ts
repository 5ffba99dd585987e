import assert from "node:assert/strict";
import { constants } from "node:os";
import { parseSpawnFailure, SPAWN_STEPS } from "../../../lib/linux/spawn-failure.ts";
import { Errno, SpawnFlag } from "../../src/sys.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";
import { bootRemote, type Remote, SANITIZED } from "./remote.ts";

/** All signals in a mask of /proc/PID/status but KILL and STOP, which cannot be blocked. @see proc_pid_status(5) */
const BLOCKED = "fffffffffffbfeff";
const ENV = "PATH=/usr/bin:/bin";
const QUIET = [-1, -1, -1];
const RLIMIT_NOFILE = 7;
/** Perl that leaves the next program three more descriptors. */
const INHERITED = '$^F = 999; open my $a, "/etc/passwd"; open my $b, "/etc/group"; open my $c, "/dev/null"';
/** Shell text that prints the descriptors it was started with. */
const LIST = 'for fd in $(seq 0 30); do [ -e /proc/$$/fd/$fd ] && printf "%s " $fd; done';

interface Settings {
  readonly flags?: number;
  readonly cwd?: string;
  readonly ids?: readonly number[];
  /** Descriptors from 3 on. */
  readonly more?: readonly number[];
}

/** Runs shell text by `Sys.spawn` and returns what it wrote to stdout. */
async function output(remote: Remote, text: string, settings: Settings = {}): Promise<string> {
  const { flags = SpawnFlag.None, cwd = "", ids = null, more = [] } = settings;
  const [read, write] = (await remote.call("pipe")) as [number, number];
  const stdio = [-1, write, 2, ...more];
  const pid = await remote.call("spawn", "/bin/sh", `sh\0-c\0${text}`, ENV, cwd, stdio, flags, ids);
  assert.ok(Number(pid) > 0, `spawn answered ${pid}`);
  await remote.call("close", write);
  let all = "";
  for (let part: unknown; part !== ""; all += part) part = await remote.call("read", read, 65536);
  await remote.call("close", read);
  return all;
}

/** A field of /proc/self/status as the child of `Sys.spawn` has it. */
async function status(remote: Remote, field: string, flags: SpawnFlag = SpawnFlag.None): Promise<string> {
  const all = await output(remote, "exec cat /proc/self/status", { flags });
  return new RegExp(`^${field}:\\s+(\\w+)$`, "m").exec(all)?.[1] ?? "";
}

const DIRECTORY = 4096 * SPAWN_STEPS.indexOf("directory");
const FAILURES: ReadonlyArray<readonly [what: string, failure: number, ...args: unknown[]]> = [
  ["no such program", Errno.ENOENT, "/bin/none", "x", "", "", QUIET, 0, null],
  ["a file that is not executable", Errno.EACCES, "/etc/passwd", "x", "", "", QUIET, 0, null],
  ["a directory", Errno.EACCES, "/etc", "x", "", "", QUIET, 0, null],
  ["a text without #!", Errno.ENOEXEC, "/opt/text", "x", "", "", QUIET, 0, null],
  ["an interpreter that is missing", Errno.ENOENT, "/opt/no-interpreter", "x", "", "", QUIET, 0, null],
  ["a working directory that is missing", DIRECTORY + Errno.ENOENT, "/bin/true", "x", "", "/none", QUIET, 0, null],
  [
    "a working directory that is a file",
    DIRECTORY + Errno.ENOTDIR,
    "/bin/true",
    "x",
    "",
    "/etc/passwd",
    QUIET,
    0,
    null,
  ],
  [
    "a closed descriptor",
    4096 * SPAWN_STEPS.indexOf("stdio") + constants.errno.EBADF,
    "/bin/true",
    "x",
    "",
    "",
    [0, 999, 2],
    0,
    null,
  ],
  ["an argument that is too long", constants.errno.E2BIG, "/bin/true", "x".repeat(200_000), "", "", QUIET, 0, null],
  ["a NUL in the path", Errno.EINVAL, "/bin/true\0", "x", "", "", QUIET, 0, null],
];

test("spawn() tells the step that failed and its error number, and leaves no descriptor and no zombie", async () => {
  await using remote = await bootRemote({
    files: { "/opt/text": { content: "no shebang\n", mode: 0o755 }, "/opt/no-interpreter": script("#!/opt/none\n") },
  });
  const before = remote.descriptors();
  for (const [what, failure, ...args] of FAILURES) assert.equal(await remote.call("spawn", ...args), -failure, what);
  assert.deepEqual(remote.descriptors(), before);
  assert.deepEqual(remote.box.zombies(), []);
  assert.equal(await remote.call("reap"), -Errno.ECHILD);
});

test("spawn() leaves every signal blocked when it is told to", async () => {
  await using remote = await bootRemote();
  assert.equal(await status(remote, "SigBlk", SpawnFlag.Blocked), BLOCKED);
});

test("spawn() tells EPERM for the groups when the user may not become another", async () => {
  await using remote = await bootRemote({ user: 1000 });
  const result = await remote.call("spawn", "/bin/true", "true", "", "", QUIET, 0, [0, 0]);
  assert.deepEqual(parseSpawnFailure(-Number(result)), { step: "groups", errno: Errno.EPERM });
});

test("spawn() gives the child arguments and environment byte by byte", async () => {
  await using remote = await bootRemote();
  const bytes = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("");
  const [read, write] = (await remote.call("pipe")) as [number, number];
  const perl = 'print join(",", map { unpack("H*", $_) } @ARGV, $ENV{V})';
  const argv = ["perl", "-e", perl, bytes, "", "last"].join("\0");
  await remote.call("spawn", "/usr/bin/perl", argv, `${ENV}\0V=${bytes}`, "", [-1, write, 2], 0, null);
  await remote.call("close", write);
  const hex = Buffer.from(bytes, "latin1").toString("hex");
  assert.equal(await remote.call("read", read, 65536), `${hex},,${Buffer.from("last").toString("hex")},${hex}`);
});

test("spawn() starts children with default dispositions and an empty mask when the init was started with neither", async () => {
  await using remote = await bootRemote({ before: "trap '' HUP INT TERM PIPE CHLD USR1" });
  assert.equal(Number.parseInt(await status(remote, "SigBlk"), 16), 0);
  assert.equal(Number.parseInt(await status(remote, "SigIgn"), 16), 0);
  assert.equal(Number.parseInt(await status(remote, "SigCgt"), 16), 0);
});

test("spawn() leaves a child no descriptor but its stdio", async () => {
  await using remote = await bootRemote({ command: ["perl", "-e", `${INHERITED}; exec "/opt/remote"`] });
  await remote.call("pipe");
  await remote.call("memfd", "m");
  assert.equal(await output(remote, LIST), "0 1 2 ");
  assert.equal(await output(remote, LIST, { more: [5, 3] }), "0 1 2 3 4 ");
});

test("spawn() closes descriptors as well where seccomp refuses close_range", async () => {
  const filter = `#!/usr/bin/perl
    # struct sock_filter: load the number; close_range is 436 everywhere; ENOSYS or allow
    my $code = pack "SCCL" x 4, 0x20, 0, 0, 0, 0x15, 0, 1, 436, 0x06, 0, 0, 0x00050026, 0x06, 0, 0, 0x7fff0000;
    my $program = pack "Sx6P", 4, $code;
    my $prctl = ${process.arch === "arm64" ? 167 : 157};
    syscall($prctl, 38, 1, 0, 0, 0) == 0 && syscall($prctl, 22, 2, unpack("Q", pack "P", $program), 0, 0) == 0 or die $!;
    ${INHERITED}; exec @ARGV or die $!;`;
  await using remote = await bootRemote({
    command: ["/opt/without-close-range", "/opt/remote"],
    files: { "/opt/without-close-range": script(filter) },
  });
  await remote.call("pipe");
  assert.match(await output(remote, `${LIST}; grep ^Seccomp: /proc/$$/status`), /^0 1 2 Seccomp:\t2$/m);
});

for (const stdio of [
  [1, 2, 0],
  [2, 0, 1],
  [0, 0, 0],
  [1, 0, 2],
  [2, 1, 0],
] as const) {
  test(`spawn() maps stdio [${stdio}] when sources and targets overlap`, async () => {
    const [a, b, c] = ["/opt/a", "/opt/b", "/opt/c"];
    await using remote = await bootRemote({ files: { [a]: "", [b]: "", [c]: "" } });
    const [read, write] = (await remote.call("pipe")) as [number, number];
    // The init itself keeps its stdio: a shell does the permutation and starts perl, which tells what it got.
    const wanted = stdio.map((fd) => [a, b, c][fd]).join();
    const files = await Promise.all([a, b, c].map((path) => remote.call("open", path, 2, 0)));
    const perl = 'open my $o, ">&=", 3; print $o join ",", map { readlink "/proc/self/fd/$_" } 0 .. 2';
    const sources = [...stdio.map((fd) => files[fd]), write];
    await remote.call("spawn", "/usr/bin/perl", `perl\0-e\0${perl}`, ENV, "", sources, 0, null);
    await remote.call("close", write);
    assert.equal(await remote.call("read", read, 65536), wanted);
  });
}

test("spawn() gives ids, groups, directory, session and the original limit of open files", async () => {
  await using remote = await bootRemote({ before: "ulimit -n 512 && ulimit -Sn 300" });
  assert.equal(await remote.call("setrlimit", RLIMIT_NOFILE, 512, 512), 0);
  assert.equal((await output(remote, "ulimit -Sn; ulimit -Hn")).trim(), "300\n512");
  remote.box.signal("SIGSEGV");
  await remote.started(2);
  assert.equal((await output(remote, "ulimit -Sn; ulimit -Hn")).trim(), "300\n512");
  const ids = { ids: [1000, 1001, 7, 8], cwd: "/var/log" };
  assert.equal(await output(remote, "id -u; id -g; id -G; pwd", ids), "1000\n1001\n1001 7 8\n/var/log\n");
  const group = "cut -d' ' -f 1,5,6 /proc/$$/stat";
  for (const [flags, pattern] of [
    [SpawnFlag.None, /^(\d+) (?!\1 )\d+ (?!\1$)\d+$/],
    [SpawnFlag.Group, /^(\d+) \1 (?!\1$)\d+$/],
    [SpawnFlag.Session, /^(\d+) \1 \1$/],
  ] as const) {
    assert.match((await output(remote, group, { flags })).trim(), pattern);
  }
});

test("spawn() and the death of 500 children leave no descriptor, no zombie and no memory", async () => {
  await using remote = await bootRemote();
  const run = async (count: number) => {
    for (let i = 0; i < count; i++)
      assert.ok(Number(await remote.call("spawn", "/bin/true", "true", "", "", QUIET, 0, null)) > 0);
    for (let reaped = 0; reaped < count; ) if (Number(await remote.call("reap")) > 0) reaped++;
  };
  await run(100);
  const [descriptors, memory] = [remote.descriptors(), remote.box.residentKb()];
  await run(400);
  assert.deepEqual(remote.descriptors(), descriptors);
  assert.deepEqual(remote.box.zombies(), []);
  // AddressSanitizer keeps freed memory for a while.
  const growthKb = SANITIZED ? 32768 : 256;
  assert.ok(remote.box.residentKb() - memory < growthKb, `${memory} kB became ${remote.box.residentKb()} kB`);
});

test("kill() refuses -1 when the init is not PID 1, and does it when it is", async () => {
  await using other = await bootRemote({ notFirst: true });
  assert.equal(await other.call("kill", -1, 0), -Errno.EPERM);
  await using first = await bootRemote();
  assert.equal(await first.call("kill", -1, 0), -Errno.ESRCH);
  assert.ok(Number(await first.shell("exec sleep 1000")) > 0);
  assert.equal(await first.call("kill", -1, 0), 0);
});

import assert from "node:assert/strict";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas } from "./fixture.ts";

const ERRNO = { ENOSYS: 38, EPERM: 1 } as const;
const MEMFD_CREATE = 319;

/** Perl that becomes my_init under a seccomp filter which answers a system call of amd64 with an error number. @see seccomp(2) */
function refusing(call: number, errno: number): readonly string[] {
  const filter = `pack("SCCL" x 4, 0x20, 0, 0, 0, 0x15, 0, 1, ${call}, 6, 0, 0, 0x50000 | ${errno}, 6, 0, 0, 0x7fff0000)`;
  const install = "syscall(157, 22, 2, pack(q(Sx6P), 4, $filter)) == 0 or die qq(seccomp: $!)";
  return ["perl", "-e", `my $filter = ${filter}; ${install}; exec "/sbin/my_init"`];
}

/** Perl that becomes my_init with a full socket that nobody reads as stdout and stderr. */
const FULL_SOCKET = `
use Socket; use IO::Handle;
socketpair(my $near, my $far, AF_UNIX, SOCK_STREAM, 0) or die;
$^F = 1000;
open(my $held, "<&", $far) or die;
$near->blocking(0); 1 while syswrite($near, "x" x 1000); $near->blocking(1);
open(STDOUT, ">&", $near); open(STDERR, ">&", $near);
exec "/sbin/my_init"`;

for (const [name, errno] of Object.entries(ERRNO)) {
  test(`A96 where memfd_create answers ${name} messages are written, and a crash of the init costs nothing`, async () => {
    await using box = await bootWithLog({
      command: refusing(MEMFD_CREATE, errno),
      services: { web: { run: "echo run-$$; exec sleep 1000" } },
    });
    await box.exec("logger -t app before");
    await box.sees("app: before");
    box.signal("SIGSEGV");
    await box.sees("has started itself again");
    await box.exec("logger -t app after");
    await box.sees("app: after");
    assert.match(await box.sv("status", "web"), /^run: web: /);
    assert.equal(box.output.lines.filter((line) => line.startsWith("run-")).length, 1, box.output.text);
    assert.equal((await box.stop()).code, 0);
  });
}

test("A96 stdout and stderr on a socket that nobody reads stop neither PID 1 nor the log daemon", async () => {
  await using box = await bootWithLog({
    command: ["perl", "-e", FULL_SOCKET],
    services: { web: { run: "exec sleep 1000" }, bad: { run: "exit 3" } },
  });
  await eventually("sv is answered", async () => (await box.sv("status", "web")).startsWith("run: web: "));
  // The failing service has the init say something again and again.
  await eventually("it has failed", async () => (await box.sv("status", "bad")).includes("exited with status 3"));
  await box.exec("logger -t app in-the-file");
  await fileHas(box, "syslog", "app: in-the-file");
  assert.equal((await box.stop()).code, 0);
});

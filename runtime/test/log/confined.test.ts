import assert from "node:assert/strict";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas } from "./fixture.ts";

/** Perl that becomes my_init with a full socket that nobody reads as stdout and stderr. */
const FULL_SOCKET = `
use Socket; use IO::Handle;
socketpair(my $near, my $far, AF_UNIX, SOCK_STREAM, 0) or die;
$^F = 1000;
open(my $held, "<&", $far) or die;
$near->blocking(0); 1 while syswrite($near, "x" x 1000); $near->blocking(1);
open(STDOUT, ">&", $near); open(STDERR, ">&", $near);
exec "/sbin/my_init"`;

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

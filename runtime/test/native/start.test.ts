import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { BINARY, boot, SANITIZED } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootApplet, bootRemote } from "./remote.ts";

test("the binary names no directory of its builder", async () => {
  // The instrumented builds have debug information, which does.
  assert.equal(!SANITIZED && readFileSync(BINARY).includes(resolve(import.meta.dirname, "../../..")), false);
});

test("main() chooses the applet by the first argument when its own name is none", async () => {
  await using box = await boot({ command: ["shipshape", "my_init", "--help"] });
  assert.equal((await box.ended()).code, 0);
  assert.match(box.output.stdout, /my_init/);
});

test("main() chooses the applet that the link it is called by leads to", async () => {
  const files = { "/etc/init.d/web": { link: "/sbin/sv" } };
  await using box = await boot({ command: ["/etc/init.d/web", "zzz"], files });
  assert.equal((await box.ended()).code, 2);
  assert.match(box.output.stderr, /^sv: unknown command "zzz"\nusage: web /);
});

test("main() names the commands there are when it is asked for another", async () => {
  await using box = await boot({ command: ["shipshape", "frobnicate"] });
  assert.equal((await box.ended()).code, 127);
  assert.match(box.output.stderr, /^shipshape: no such command: 'frobnicate'\. Commands:( \w+)* my_init( \w+)*\n$/);
});

test("main() opens descriptors 0, 1 and 2 when they are closed, so that no file takes their place", async () => {
  await using box = await bootApplet("remote", { before: "exec 0<&- 1>&- 2>&-", stdin: true });
  await eventually("it waits for events", () => box.descriptors().some((target) => target.includes("eventpoll")));
  for (const fd of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${box.pid}/fd/${fd}`), "/dev/null");
});

test("main() hands a signal over that came before anything could handle it", async () => {
  // Blocked by the parent until our own main has blocked it too.
  await using remote = await bootRemote({
    command: [
      "perl",
      "-MPOSIX",
      "-e",
      'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2)); kill USR2 => $$; exec "/opt/remote"',
    ],
  });
  await remote.box.sees("signal 12");
});

test("main() tells once of a script that throws, and where, and ends with 111", async () => {
  await using box = await bootApplet("faulty");
  assert.equal((await box.ended()).code, 111);
  assert.match(box.output.stderr, /^\*\*\* internal error in .*faulty: Error: not today\n +at .*faulty\.js:\S+\n$/);
});

test("main() gives commands that are no daemon the signal mask and the dispositions they were started with", async () => {
  const perl = 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2)); $SIG{HUP} = "IGNORE"; exec @ARGV';
  await using box = await boot({
    command: ["perl", "-MPOSIX", "-e", perl, "setuser", "root", "cat", "/proc/self/status"],
  });
  await box.ended();
  const mask = (name: string) =>
    Number.parseInt(new RegExp(`${name}:\\s+(\\w+)`).exec(box.output.stdout)?.[1] ?? "", 16);
  assert.equal(mask("SigBlk"), 2 ** 11);
  assert.equal(mask("SigIgn") & 1, 1);
});

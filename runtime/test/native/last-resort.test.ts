import assert from "node:assert/strict";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootApplet, bootRemote, type Remote, SANITIZED } from "./remote.ts";

/** Restarts after counted crashes in a row; the next crash is the last. */
const MAX_CRASHES = 5;
const REAPS = "cannot go on: from now on it only reaps processes";

/** Makes the init fault until it only reaps. */
async function crashOut(remote: Remote): Promise<void> {
  for (let crash = 1; crash <= MAX_CRASHES; crash++) {
    await remote.smashStack();
    await remote.started(crash + 1);
  }
  await remote.smashStack();
  await remote.box.sees(REAPS);
}

test("restart() keeps pid, children, journal and pipes when the init faults", async () => {
  await using remote = await bootRemote({ env: { SECRET: "kept" } });
  const child = await remote.shell("exec sleep 1000");
  const [read, write] = (await remote.call("pipe")) as [number, number];
  await remote.call("write", write, "before the crash");
  const before = remote.descriptors();
  await remote.smashStack();
  await remote.box.sees(/crashed by signal (4|7|8|11), starting again in place/);
  await remote.started(2);
  assert.equal(await remote.call("getpid"), 1);
  assert.equal(remote.box.process(Number(child))?.parent, 1);
  assert.equal(await remote.call("read", read, 100), "before the crash");
  assert.equal(remote.box.process(1)?.name, "remote");
  assert.match(String(await remote.call("environ")), /(^|\0)SECRET=kept(\0|$)/);
  assert.doesNotMatch(String(await remote.call("environ")), /SHIPSHAPE_RESUME/);
  assert.deepEqual(remote.descriptors(), before);
  await remote.call("kill", child, 9);
  await remote.box.sees("signal 17");
  assert.equal(await remote.call("reap"), Number(child) * 65536 + 9);
});

test("restart() happens as well when the binary is gone and /proc is not mounted", async () => {
  await using remote = await bootRemote({ before: "umount -l /proc" });
  assert.deepEqual(await remote.call("readdir", "/proc"), []);
  await remote.call("rename", "/opt/remote", "/opt/elsewhere");
  remote.box.signal("SIGSEGV");
  await remote.started(2);
  assert.equal(await remote.call("getpid"), 1);
});

test("restart() is not counted when somebody else sent the crash signal", async () => {
  await using remote = await bootRemote();
  const before = remote.descriptors();
  const signals = ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"] as const;
  for (let round = 0; round < 4 * signals.length; round++) {
    remote.box.signal(signals[round % signals.length] ?? "SIGSEGV");
    await remote.started(round + 2);
  }
  assert.deepEqual(remote.descriptors(), before);
  assert.ok(Number(await remote.shell("exec sleep 1000")) > 0);
  assert.equal(remote.box.output.count(REAPS), 0);
});

test("restart() after a sent crash signal waits until the turn has come to its end", async () => {
  await using remote = await bootRemote();
  // The signal arrives while the turn waits for the FIFO's other end.
  await remote.shell("mkfifo /tmp/gate; echo made");
  await remote.box.sees("made");
  const idle = await remote.blocked();
  remote.ask("open", "/tmp/gate", 1, 0);
  await eventually("it opens the FIFO", async () => (await remote.blocked())[0] !== idle[0]);
  remote.box.signal("SIGSEGV");
  await remote.box.sees("was sent signal 11");
  assert.equal(remote.box.output.count("started"), 1);
  await remote.box.exec("cat /tmp/gate");
  await remote.started(2);
  assert.match(remote.box.output.text, /^reply \d+ \d+\n(.*\n)*started 2$/m);
});

test("setJournal() starts the count of crashes again when the incarnation is healthy", async () => {
  await using remote = await bootRemote();
  for (let crash = 1; crash <= MAX_CRASHES + 2; crash++) {
    assert.equal(await remote.call("healthy"), 0);
    await remote.smashStack();
    await remote.started(crash + 1);
  }
  assert.equal(remote.box.output.count(REAPS), 0);
});

test("a program that cannot go on reaps orphans, passes TERM on, kills after 10 s and exits with 1", async () => {
  await using remote = await bootRemote();
  await remote.shell("while :; do (sleep 0.01 &); sleep 0.02; done");
  await remote.shell("trap 'echo told; exit' TERM; echo waits; while :; do sleep 0.1; done");
  await remote.shell("trap '' TERM INT; echo stubborn; while :; do sleep 0.1; done");
  for (const word of ["waits", "stubborn"]) await remote.box.sees(word);
  await crashOut(remote);
  await eventually("no zombie is left", () => remote.box.zombies().length === 0);
  remote.box.signal("SIGTERM");
  await remote.box.sees("told");
  const { code, ms } = await remote.box.ended();
  assert.equal(code, 1);
  assert.ok(ms >= 9000, `killed after ${ms} ms`);
});

test("a program that cannot go on and is not PID 1 tells its own children only", async () => {
  await using remote = await bootRemote({ notFirst: true });
  await remote.shell("trap 'echo told; exit' TERM; echo waits; while :; do sleep 0.1; done");
  await remote.box.sees("waits");
  await crashOut(remote);
  remote.box.signal("SIGTERM");
  await remote.box.sees("told");
  // The PID 1 above it is a shell that hands its status on; a signal would have ended it.
  assert.equal((await remote.box.ended()).code, 1);
});

test("a program that fails to start only reaps, and exits with 1 when there is nothing to", async () => {
  await using box = await bootApplet("remote", { args: ["fail"] });
  assert.equal((await box.ended()).code, 1);
  assert.match(box.output.text, /internal error in .*remote: Error: cannot even start\n {4}at .*remote\.js:\d+:\d+/);
  assert.match(box.output.text, new RegExp(REAPS));
});

test("16 turns that fail in a row start the program again, which is counted", async () => {
  await using remote = await bootRemote();
  for (let crash = 1; crash <= MAX_CRASHES; crash++) {
    await remote.call("throw");
    await remote.started(crash + 1);
  }
  remote.ask("throw");
  await remote.box.sees(REAPS);
  const shown = remote.box.output.count("Error: this turn fails");
  assert.equal(shown, 16 * (MAX_CRASHES + 1));
});

test("a turn that does not end starts the program again after 5 s, and says where it was", async () => {
  await using remote = await bootRemote();
  remote.ask("loop");
  await remote.box.sees(/InternalError: interrupted\n( {4}at .*\n)+/);
  await remote.started(2);
  assert.equal(await remote.call("getpid"), 1);
});

test("recursion without end is an exception, and the program goes on", async () => {
  await using remote = await bootRemote();
  assert.match(String(await remote.call("recurse")), /stack overflow/);
  assert.equal(await remote.call("getpid"), 1);
});

test("a promise that is rejected with nobody waiting is told on stderr", async () => {
  await using remote = await bootRemote();
  await remote.call("reject");
  await remote.box.sees("internal error in /opt/remote: Error: nobody waits for this");
  assert.equal(await remote.call("getpid"), 1);
});

// AddressSanitizer ends the program itself when it cannot allocate.
if (!SANITIZED) {
  test("an allocation that fails starts the program again", async () => {
    await using remote = await bootRemote({ before: "ulimit -v 100000" });
    remote.ask("exhaust");
    await remote.box.sees("/opt/remote is out of memory");
    await remote.started(2);
    assert.equal(await remote.call("getpid"), 1);
  });

  test("crashes are counted that come before there is a journal", async () => {
    await using box = await bootApplet("remote", { args: ["exhaust"], before: "ulimit -v 100000" });
    assert.equal((await box.ended()).code, 1);
    assert.equal(box.output.count("is out of memory"), MAX_CRASHES + 1);
    assert.match(box.output.text, new RegExp(REAPS));
  });
}

test("the resume variable is not believed when it names no open descriptor", async () => {
  for (const value of ["77,0", "nonsense", "", "3", "99999999999,1"]) {
    await using remote = await bootRemote({ env: { SHIPSHAPE_RESUME: value } });
    assert.equal(await remote.call("resumeFd"), -1, value);
  }
});

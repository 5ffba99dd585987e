import assert from "node:assert/strict";
import { constants } from "node:os";
import { boot } from "../harness/container.ts";
import { assertOrder, STUBBORN, waiting } from "../harness/fixtures.ts";
import { test } from "../harness/test.ts";

/** Runs `my_init` once for every `value` of a shell list, each as PID 1 of a namespace inside one box; prints `value code`. */
function forEach(values: string, options: string, main: string): string {
  return `for value in ${values}; do
    unshare --pid --fork --kill-child --mount-proc my_init ${options} -- sh -c "${main}" </dev/null
    echo "$value $?"
  done`;
}

test("A20 every exit code of the main command passes through", async () => {
  await using box = await boot({ command: ["sleep", "1000"] });
  // The short form of `npm test` takes both ends, what shells and engines use for themselves, and some between.
  const all = Array.from({ length: 256 }, (_, code) => code);
  const short = new Set([0, 1, 2, 42, 63, 64, 99, 100, 111, 125, 126, 127, 128, 129, 137, 143, 192, 254, 255]);
  const codes = process.env.SHIPSHAPE_FORM === "short" ? all.filter((code) => short.has(code)) : all;
  const { stdout } = await box.exec(forEach(codes.join(" "), "--quiet", "exit $value"));
  const expected = codes.map((code) => `${code} ${code}`);
  assert.deepEqual(stdout.trim().split("\n"), expected);
});

test("A20 the code comes after the full shutdown", async () => {
  await using box = await boot({
    main: "exit 42",
    services: { s: { run: waiting({ TERM: "echo service-got-TERM >&2; exit" }) } },
    preShutdown: { p: "echo pre >&2" },
    postShutdown: { q: "echo post >&2" },
    startup: {
      "10_orphan": `(${waiting({ TERM: "echo orphan-got-TERM >&2; exit" }, "orphan-ready")}) &
      until grep -qs x /tmp/go; do sleep 0.01; done`,
    },
  });
  await box.sees("orphan-ready");
  box.write("/tmp/go", "x");
  assert.equal((await box.ended()).code, 42);
  assertOrder(box.output.stderr, ["*** /opt/main exited with status 42.", "pre\n", "post\n", "orphan-got-TERM\n"]);
});

test("A21 every signal that can end the main command becomes 128 + n, and is named", async () => {
  const harmless = ["SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"];
  const skipped = new Set(harmless.map((name) => constants.signals[name as NodeJS.Signals] as number));
  const numbers = Array.from({ length: 64 }, (_, i) => i + 1).filter((n) => !skipped.has(n));
  await using box = await boot({ command: ["sleep", "1000"] });
  const { stdout, stderr } = await box.exec(forEach(numbers.join(" "), "", "kill -$value \\$\\$; sleep 1000"));
  assert.deepEqual(
    stdout.trim().split("\n"),
    numbers.map((n) => `${n} ${128 + n}`),
  );
  for (const [name, number] of Object.entries(constants.signals)) {
    if (numbers.includes(number as number) && !["SIGIOT", "SIGPOLL", "SIGUNUSED"].includes(name)) {
      assert.match(stderr, new RegExp(`^\\*\\*\\* sh .*\\b${name}\\b`, "m"), `no line names ${name}`);
    }
  }
});

test("A21 a main command killed by the kernel for lack of memory is told as oom-kill", async () => {
  for (const [path, before, after] of [
    ["/sys/fs/cgroup/memory.events", "low 0\\nhigh 0\\nmax 9\\noom 0\\noom_kill 0\\n", "oom 1\\noom_kill 1\\n"],
    ["/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\\nunder_oom 0\\noom_kill 2\\n", "oom_kill 3\\n"],
  ]) {
    await using box = await boot({
      args: ["--", "sh", "-c", `printf '${after}' >${path}; kill -KILL $$`],
      files: { [path as string]: String(before).replaceAll("\\n", "\n") },
    });
    assert.equal((await box.ended()).code, 137);
    assert.match(box.output.stderr, /^\*\*\* sh .*(oom-kill|SIGKILL.*oom-kill)/m, `with ${path}`);
  }
});

test("A80 a service killed by the kernel for lack of memory is told as oom-kill, one killed by hand later is not", async () => {
  const path = "/sys/fs/cgroup/memory.events";
  await using box = await boot({
    services: {
      s: { run: `read n <n; [ "$n" = 1 ] || echo oom_kill 1 >${path}; echo 1 >n; kill -KILL $$`, files: { n: "0\n" } },
    },
    files: { [path]: "oom_kill 0\n" },
    env: { SERVICE_BACKOFF: "10ms" },
  });
  await box.sees(/^\*\*\* service s was killed by SIGKILL \(oom-kill: .*\) after/m);
  await box.sees(/^\*\*\* service s was killed by SIGKILL after/m);
});

test("A21 a main command killed with memory left is not told as oom-kill", async () => {
  await using box = await boot({
    args: ["--", "sh", "-c", "kill -KILL $$"],
    files: { "/sys/fs/cgroup/memory.events": "low 0\nhigh 0\nmax 9\noom 7\noom_kill 7\n" },
  });
  assert.equal((await box.ended()).code, 137);
  assert.doesNotMatch(box.output.stderr, /oom/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`A22 ${signal} without a main command ends with 0 when everything stopped in time`, async () => {
    await using box = await boot({ services: { s: { run: waiting({ TERM: "exit 3" }) } } });
    await box.sees("ready");
    assert.equal((await box.stop(signal)).code, 0);
  });

  test(`A22 ${signal} without a main command ends with 1 when a service had to be killed`, async () => {
    await using box = await boot({ services: { s: { run: STUBBORN } }, env: { KILL_PROCESS_TIMEOUT: "200ms" } });
    await box.sees("stubborn");
    assert.equal((await box.stop(signal)).code, 1);
  });

  test(`A22 ${signal} ends with the status that the main command exits with on TERM`, async () => {
    await using box = await boot({ main: waiting({ TERM: "exit 7", INT: "exit 8" }) });
    await box.sees("ready");
    assert.equal((await box.stop(signal)).code, 7);
  });

  test(`A22 ${signal} ends with 143 when TERM ends the main command`, async () => {
    await using box = await boot({ args: ["--", "sleep", "1000"] });
    await box.sees("Running sleep 1000...");
    assert.equal((await box.stop(signal)).code, 143);
  });
}

test("A22 the main command's own status counts even when something else had to be killed", async () => {
  await using box = await boot({
    main: waiting({ TERM: "exit 0" }),
    services: { s: { run: STUBBORN } },
    env: { SHUTDOWN_TIMEOUT: "1h", KILL_PROCESS_TIMEOUT: "1h" },
  });
  await box.sees("ready");
  await box.sees("stubborn");
  box.signal("SIGTERM");
  await box.sees("/opt/main exited with status 0");
  // The time of the service is over.
  box.signal("SIGTERM");
  await box.sees("Told to stop again");
  assert.equal((await box.stop()).code, 0);
  assert.match(box.output.stderr, /killed: .*service s/);
});

test("A23 a pre-shutdown hook that fails is reported and does not cut the shutdown short", async () => {
  await using box = await boot({
    services: { s: { run: waiting({ TERM: "echo service-got-TERM >&2; exit" }) } },
    preShutdown: { "10_a": "exit 5", "20_b": "echo b-ran >&2" },
    postShutdown: { "10_c": "exit 6", "20_d": "echo d-ran >&2" },
  });
  await box.sees("ready");
  assert.equal((await box.stop()).code, 0);
  assertOrder(box.output.stderr, [
    "*** /etc/my_init.pre_shutdown.d/10_a failed with status 5",
    "b-ran\n",
    "service-got-TERM\n",
    "*** /etc/my_init.post_shutdown.d/10_c failed with status 6",
    "d-ran\n",
  ]);
});

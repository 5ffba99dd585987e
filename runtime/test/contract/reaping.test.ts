import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { boot } from "../harness/container.ts";
import { eventually, reaches } from "../harness/deadline.ts";
import { gated, waiting } from "../harness/fixtures.ts";
import { test } from "../harness/test.ts";

/** Leaves `count` orphans that end at once, with exit codes 0 to 255 in turn. */
function orphans(count: number): string[] {
  const text =
    "for my $i (1..$ARGV[0]) { my $p = fork // die; if (!$p) { fork or exit $i % 256; exit } waitpid $p, 0 }";
  return ["perl", "-e", text, String(count)];
}

for (const notFirst of [false, true]) {
  const where = notFirst ? "as a subreaper below another PID 1" : "as PID 1";
  test(`A50 adopted children are reaped ${where}`, async () => {
    await using box = await boot({
      notFirst,
      main: `until grep -qs x /tmp/go; do sleep 0.01; done; ${orphans(500).map(quote).join(" ")}; ${waiting()}`,
    });
    box.write("/tmp/go", "x");
    await box.sees("ready");
    await eventually("no zombie is left", () => box.zombies().length === 0);
  });

  test(`A50 an orphan is adopted ${where}, and reaped when it ends`, async () => {
    await using box = await boot({ notFirst, main: `(exec sleep 1000 & echo "orphan $! of" >&2); ${waiting()}` });
    await box.sees("ready");
    const orphan = Number((await box.sees(/^orphan (\d+)/m))[1]);
    const init = box.processes().find(({ name }) => name === "my_init")?.pid;
    await eventually("my_init is its parent", () => box.process(orphan)?.parent === init);
    await box.exec(`kill -KILL ${orphan}`);
    await eventually("it is reaped", () => box.process(orphan) === undefined);
  });
}

function quote(word: string): string {
  return `'${word}'`;
}

test("A50 many orphans that end at the same moment are all reaped", async () => {
  await using box = await boot({ main: `${gated(300)}; ${waiting()}` });
  await reaches("300 wait", () => box.processes().filter(({ name }) => name === "cat").length, 300);
  await box.sees("ready");
  await box.exec("kill $(cat /tmp/gatekeeper)");
  await eventually("all are gone", () => box.processes().every(({ name }) => name !== "cat"));
  assert.deepEqual(box.zombies(), []);
});

test("A50 the status of a dead orphan is never taken for that of a new child with its pid", async () => {
  await using box = await boot({
    services: { s: { run: waiting({}, "service-ready"), down: true }, t: { run: "exec sleep 1000" } },
    main: waiting({}, "main-ready"),
    env: { SERVICE_BACKOFF: "60" },
  });
  await box.sees("main-ready");
  // The orphan is dead and reaped, and its pid is the next to be given out.
  const { stdout, code } = await box.exec(
    `(sh -c 'exit 42' & echo $! >/tmp/orphan); pid=$(cat /tmp/orphan)
     while [ -e /proc/$pid ]; do :; done
     echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid`,
  );
  assert.equal(code, 0, stdout);
  // Not with sv, which would take that pid itself.
  const control = connect(box.path("/run/shipshape/control"));
  control.end("up s\n");
  const [reply] = await once(control, "data");
  const orphan = Number(box.read("/tmp/orphan"));
  assert.match(String(reply), new RegExp(`^ok serial=\\d+ state=run pid=${orphan} `), `the orphan's pid was ${orphan}`);
  await box.sees("service-ready");
  assert.match(await box.sv("status", "s"), new RegExp(`^run: s: \\(pid ${orphan}\\) `));
  assert.equal(box.output.count("service s"), 0);
});

test("A50 without a child PID 1 takes no CPU time", async () => {
  await using box = await boot({ main: waiting(), services: { s: { run: waiting({}, "service-ready") } } });
  await box.sees(/^ready$/m);
  await box.sees("service-ready");
  // What it still had to do when the service was ready may come late.
  await eventually("there is a second in which it does not wake up", async () => {
    const before = box.wakeUps();
    await box.exec("sleep 1");
    return box.wakeUps() === before;
  });
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { cronBox } from "../cron/box.ts";
import { type Container, SANITIZED } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { LONGER, TORTURE } from "../harness/health.ts";
import { test } from "../harness/test.ts";

const AT_ONCE = 1000 * TORTURE;
/** Shell text that waits for a file. */
const until = (path: string) => `while [ ! -e ${path} ]; do sleep 0.02; done`;

/** What proc(5) tells about cron in one of its files. */
function procOf(box: Container, file: string): string {
  return readFileSync(`/proc/${box.first}/root/proc/${box.find("/sbin/cron")?.pid}/${file}`, "latin1");
}

/** Waits until cron uses no time any more, which it must when nobody takes what it has to say. */
async function quiet(box: Container): Promise<void> {
  let last = "";
  let same = 0;
  await eventually("cron is quiet", () => {
    const fields = procOf(box, "stat").split(") ")[1]?.split(" ") ?? [];
    const now = `${fields[11]} ${fields[12]}`;
    same = now === last ? same + 1 : 0;
    last = now;
    return same === 50;
  });
}

test("A98 a job is over once, although what it left behind has its pipe; that is heard, after a crash too", async () => {
  await using box = await cronBox({
    "/etc/cron.d/a": `@reboot root (${until("/tmp/go")}; echo late; ${until("/tmp/on")}; echo later) & echo first; exit 3\n`,
  });
  await box.sees("cron[a]: failed: exit 3");
  assert.match(box.output.stdout, /cron\[a\]: first\ncron\[a\]: failed/);
  box.write("/tmp/go", "");
  await box.sees("cron[a]: late");
  await eventually(
    "how it stands is written",
    () => box.has("/run/cron/status") && box.read("/run/cron/status").includes("exit 3"),
  );
  await box.exec(`kill -SEGV ${box.find("/sbin/cron")?.pid}`);
  await box.sees("it has started itself again");
  box.write("/tmp/on", "");
  await box.sees("cron[a]: later");
  await eventually("its pipe is closed", async () => {
    const { stdout } = await box.exec(`ls -l /proc/${box.find("/sbin/cron")?.pid}/fd`);
    return !stdout.includes("pipe:");
  });
  assert.match((await box.exec("cron list")).stdout, / exit 3, \d+ s +\/etc/);
  assert.equal(box.output.count("cron[a]: failed"), 1);
});

test("A98 with a log that nobody reads, what a job left behind fills its pipe and not cron's memory", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": `@reboot root yes ${"7".repeat(500)} & exit 4\n@yearly root true\n` },
    { slowReader: true },
  );
  await eventually("the job is over", async () => / exit 4, /.test((await box.exec("cron list")).stdout));
  await quiet(box);
  const kb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(procOf(box, "status"))?.[1]);
  if (!SANITIZED) assert.ok(kb < 6000, `cron has ${kb} kB`);
  assert.equal((await box.exec("cron run a:2")).code, 0);
  box.readOutput();
  await box.sees("cron[a:1]: failed: exit 4");
  await box.sees(/^cron\[a:1\]: 7{500}$/m, 1000);
  await box.exec(`kill -9 ${box.find("yes 777")?.pid}`);
});

test("A98 what a job says last is heard, however long nobody reads the log, and the job is over meanwhile", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "CRON_NAME=a\n@reboot root seq 15000; exit 5\nCRON_NAME=b\n@reboot root exit 6\n" },
    { slowReader: true },
  );
  await eventually("both are over", async () => {
    const { stdout } = await box.exec("cron list");
    return stdout.includes(" exit 5, ") && stdout.includes(" exit 6, ");
  });
  await quiet(box);
  assert.equal((await box.exec("cron run b")).code, 6);
  box.readOutput();
  await box.sees("cron[a]: 15000\n");
  const numbers = [...box.output.stdout.matchAll(/^cron\[a\]: (\d+)$/gm)].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    Array.from({ length: 15_000 }, (_, i) => i + 1),
  );
});

test("A98 a job that ignores TERM is killed 10 s after its time limit, with all that it started in its group", async () => {
  await using box = await cronBox({
    "/etc/cron.d/a": "CRON_TIMEOUT=3s\n@reboot root trap '' TERM; sleep 1000 & echo up; wait; wait\n",
  });
  await box.sees("cron[a]: up");
  const [, seconds] = await box.sees(/cron\[a\]: failed: time limit after (\d+) s/);
  assert.ok(Number(seconds) >= 10, `it was killed after ${seconds} s`);
  await eventually("so is its child", () => box.find("sleep 1000") === undefined);
});

test("A98 programs that cannot be started are named with their reason, and the others run", async () => {
  await using box = await cronBox(
    {
      "/etc/cron.d/a": [
        "CRON_NAME=none\nSHELL=/no/shell\n@reboot root x",
        "CRON_NAME=plain\nSHELL=/etc/passwd\n@reboot root x",
        "CRON_NAME=dir\nSHELL=/etc\n@reboot root x",
        `CRON_NAME=long\nSHELL=/bin/sh\n@reboot root : ${"x".repeat(130_000)}`,
        "CRON_NAME=crowded\n@reboot crowd true | true",
        "CRON_NAME=good\n@reboot root echo good",
        "",
      ].join("\n"),
    },
    // Root is above it. The kernel counts a user's processes wherever they run: this user has none elsewhere.
    { before: `echo crowd:x:${200_000 + process.pid}:100::/:/bin/sh >>/etc/passwd; ulimit -p 0` },
  );
  await box.sees("cron[good]: good");
  for (const [name, reason] of [
    ["none", "cannot start /no/shell: "],
    ["plain", "cannot start /etc/passwd: "],
    ["dir", "cannot start /etc: "],
  ] as const) {
    await box.sees(`cron[${name}]: ${reason}`);
    const run = await box.exec(`cron run ${name}`);
    assert.equal(run.code, 125);
    assert.ok(run.stderr.includes(reason), run.stderr);
  }
  await box.sees("cron[crowded]: /bin/sh: 0: Cannot fork");
  await box.sees("cron[crowded]: failed: exit 2");
  assert.match((await box.exec("cron list")).stdout, /^none .* not started, \d+ s, 2 times in a row /m);
});

test(
  `A98 ${AT_ONCE} jobs that are due at once all run, each once, and cron answers after that as before`,
  async () => {
    const table = Array.from({ length: AT_ONCE }, (_, i) => `@reboot root echo job ${i}; exit ${i % 2}\n`).join("");
    await using box = await cronBox({ "/etc/cron.d/a": table });
    await box.sees(/cron\[a:\d+\]: failed: exit 1/, AT_ONCE / 2);
    await box.sees(/^cron\[a:\d+\]: job \d+$/m, AT_ONCE);
    const said = [...box.output.stdout.matchAll(/^cron\[a:(\d+)\]: job (\d+)$/gm)];
    assert.equal(new Set(said.map(([, , job]) => job)).size, AT_ONCE);
    assert.equal(said.length, AT_ONCE);
    assert.ok(said.every(([, line, job]) => Number(line) === Number(job) + 1));
    await eventually("all have ended", async () => !(await box.exec("cron list")).stdout.includes("runs (pid"));
    await eventually("nothing is left of them", () => readdirCount(box) < 40 && box.zombies().length === 0);
    assert.equal((await box.exec("cron run a:1")).code, 0);
  },
  300_000 * LONGER,
);

/** How many descriptors cron has. */
function readdirCount(box: Container): number {
  return readdirSync(`/proc/${box.first}/root/proc/${box.find("/sbin/cron")?.pid}/fd`).length;
}

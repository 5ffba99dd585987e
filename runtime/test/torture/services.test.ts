import assert from "node:assert/strict";
import { lstatSync, readdirSync, renameSync } from "node:fs";
import { boot, type Container } from "../harness/container.ts";
import { eventually, reaches, trivialRuns } from "../harness/deadline.ts";
import { waiting } from "../harness/fixtures.ts";
import { assertWell, LONGER, TORTURE, vitals } from "../harness/health.ts";
import { Random } from "../harness/random.ts";
import { type FileSpec, script, serviceFiles } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

function isDirectory(box: Container, path: string): boolean {
  return lstatSync(box.path(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const DEATHS = 10_000 * TORTURE;

test(
  `A80 a service dies ${DEATHS} times`,
  async () => {
    await using box = await boot({
      services: {
        s: { run: waiting() },
        mortal: { run: "echo >>/tmp/lives; exit 1", down: true },
        // Its log dies as often as it likes.
        logged: { run: "echo line; exit 1", log: "read line; exit 1", down: true },
      },
      env: { SERVICE_BACKOFF: "0" },
    });
    await box.sees("ready");
    const before = await vitals(box, "s");
    await box.exec("sv up mortal logged");
    await reaches(`it has died ${DEATHS} times`, () => box.size("/tmp/lives"), DEATHS);
    await box.exec("sv down mortal logged logged/log");
    await assertWell(box, before, "s");
    assert.ok(box.output.text.length < 2_000_000, `the init wrote ${box.output.text.length} bytes about it`);
  },
  // What hangs has a deadline of its own, which starts again with each step.
  3_600_000 * LONGER,
);

/** With their logs they need more descriptors than the limit lets anybody have who does not raise it. */
const MANY = Math.max(250, 1000 * TORTURE);
const FILES = MANY + 24;

test(`A80 ${MANY} services with logs run under a limit of ${FILES} files, leave no file on /run and stop together`, async () => {
  const services = Object.fromEntries(
    Array.from({ length: MANY }, (_, i) => [`s${i}`, { run: "exec sleep 1000", log: "exec cat" }]),
  );
  await using box = await boot({
    services,
    before: `ulimit -Sn ${FILES}`,
    startup: { "10_a": "ulimit -Sn >&2" },
    env: { SHUTDOWN_TIMEOUT: "1h", KILL_PROCESS_TIMEOUT: "1h" },
  });
  const running = () =>
    box.processes().filter(({ name, session, pid }) => session === pid && (name === "sleep" || name === "cat"));
  await reaches("all run", () => running().length, 2 * MANY);
  assert.match(await box.sv("status", `s${MANY - 1}`), /^run: s\d+: \(pid \d+\) \d+s; run: log: /);
  assert.deepEqual(readdirSync(box.path("/run")), ["shipshape"]);
  assert.match(readdirSync(box.path("/run/shipshape")).sort().join(" "), /^control control-[0-9a-f]{8}-\d+$/);
  assert.ok(
    box.output.lines.includes(String(FILES)),
    "programs did not get the limit that the container was started with",
  );
  const { stdout } = await box.exec("sv status $(cd /etc/service && echo *) | grep -c '^run: .*run: log'");
  assert.equal(stdout, `${MANY}\n`);
  const { code } = await box.stopSoon(5000, (signal) => trivialRuns(MANY, signal));
  assert.equal(code, 0);
}, 300_000);

test(
  "A80 whatever is done to /etc/service while it is supervised, in the end what is there runs",
  async () => {
    const random = new Random();
    const names = ["a", "b", "c", "d", "e", "f"];
    await using box = await boot({
      main: waiting(),
      services: { keep: { run: waiting({}, "keep-ready") } },
      files: { "/opt/linked/run": script("exec sleep 1000") },
      env: { SERVICE_BACKOFF: "10ms" },
    });
    await box.sees("keep-ready");
    const before = await vitals(box, "keep");
    let generation = 0;
    const put = (name: string, run: string) => {
      const made = `/tmp/new-${generation++}`;
      for (const [path, file] of Object.entries(
        serviceFiles(made, { run, ...(random.oneIn(2) ? { log: "exec cat >/dev/null" } : {}) }),
      ))
        box.write(path, file);
      box.write(`/etc/service/${name}`, null);
      renameSync(box.path(made), box.path(`/etc/service/${name}`));
    };
    // In place; while the kernel reads the file for an exec it lets nobody write to it.
    const overwrite = (path: string, file: FileSpec) =>
      eventually(`${path} can be written`, () => {
        try {
          box.write(path, file);
          return true;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ETXTBSY") throw error;
          return false;
        }
      });
    for (let i = 0; i < 300 * TORTURE; i++) {
      const name = random.of(names);
      const path = `/etc/service/${name}`;
      switch (random.below(7)) {
        case 0:
        case 1:
          put(name, random.of(["exec sleep 1000", "exit 1", "trap '' TERM; sleep 0.05", "exec /nowhere"]));
          break;
        case 2:
          box.write(path, null);
          break;
        case 3:
          if (isDirectory(box, path))
            await overwrite(`${path}/run`, random.of(["", "garbage", "#!/nowhere\n", script("exec sleep 1000")]));
          break;
        case 4:
          if (isDirectory(box, path)) {
            box.write(`${path}2`, null);
            renameSync(box.path(path), box.path(`${path}2`));
          }
          break;
        case 5:
          box.write(path, null);
          box.write(path, random.of(["a file", { link: "/nowhere" }, { link: "/opt/linked" }]));
          break;
        case 6:
          await box.exec(["sv", "-w0", random.of(["up", "down", "once", "restart", "kill", "exit", "term"]), name]);
          break;
      }
    }
    for (const name of [...names, ...names.map((name) => `${name}2`)]) box.write(`/etc/service/${name}`, null);
    for (const name of names) put(name, `echo "${name} final" >&2; exec sleep 1000`);
    for (const name of names) {
      await eventually(`${name} runs`, async () => /^run: \S+ \(pid/.test(await box.sv("status", name)));
      await box.sees(`${name} final`);
    }
    for (const name of names) box.write(`/etc/service/${name}`, null);
    await eventually("only the first service is left", () =>
      box.processes().every(({ name, pid, session }) => name !== "sleep" || pid !== session),
    );
    await assertWell(box, before, "keep").catch((error) => {
      throw new Error(`with FUZZ_SEED=${random.seed}`, { cause: error });
    });
    assert.equal(box.output.count("keep-ready"), 1);
  },
  300_000 * LONGER,
);

import { equal, match, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import type { Container } from "../../host/engines/container.ts";
import { setUp } from "../../image/test/setup.ts";
import { shows } from "../../image/test/shows.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { buildExample } from "../build.ts";
import { probe } from "../probe.ts";
import { servicesUp } from "../rows.ts";

const ORPHANS = 1000;
const EVENT_LIMIT_MS = 180_000;

describe("an image from an old-style Dockerfile", { timeout: 20 * 60_000 }, () => {
  const setup = setUp({ variant: "small" });
  let container: Container;

  test("A100 builds on the base image and boots", { timeout: 15 * 60_000 }, async () => {
    container = await setup.start([await buildExample(setup.engine, "old-style")]);
    await shows(container, "app: started");
  });

  test("A64 serves a page with what its startup file put into the environment", async () => {
    equal((await probe(container, "page", EVENT_LIMIT_MS)).text, "Hello, PID 1 is my_init");
  });

  test("A80 a killed nginx serves again", async () => {
    const { killed, backMs } = await probe(container, "kill-nginx", EVENT_LIMIT_MS);
    ok(killed >= 2, `${killed} processes of nginx were there to kill`);
    ok(backMs !== null, "it is not served again");
  });

  test("A81 finish takes down the workers of a killed nginx master, which hold the port", async () => {
    const { backMs } = await probe(container, "kill-nginx-master", EVENT_LIMIT_MS);
    ok(backMs !== null, "it is not served again");
  });

  test("A80 a worker that crashed is started again", async () => {
    ok((await probe(container, "crash-worker", EVENT_LIMIT_MS)).backMs !== null, "it is not started again");
  });

  test(`A50 ${ORPHANS} orphans leave no zombie`, async () => {
    const { inherited, zombies } = await probe(container, "orphans", EVENT_LIMIT_MS, ORPHANS);
    equal(inherited, ORPHANS);
    equal(zombies, 0);
  });

  test("A90 the app runs as the user that setuser was given", async () => {
    const owner = await container.exec([
      "sh",
      "-c",
      "for p in /proc/[0-9]*; do [ $(cat $p/comm) = node ] && stat -c %U $p; done",
    ]);
    equal(owner.stdout.trim(), "www-data");
  });

  test("A82 sv tells what runs", async () => {
    const status = async (): Promise<string> =>
      (await container.exec(["sv", "status", "app", "nginx", "worker"])).stdout;
    const up =
      /^run: app: \(pid \d+\) \d+s\nrun: nginx: \(pid \d+\) \d+s\nrun: worker: \(pid \d+\) \d+s; run: log: \(pid \d+\) \d+s\n$/;
    await eventually("all services are up", async () => up.test(await status()), EVENT_LIMIT_MS);
  });

  test("A40 docker stop ends every process with TERM, and the log has the worker's last line", async () => {
    await servicesUp(container);
    const { exitCode } = await container.stop();
    const logs = await container.logs();
    equal(exitCode, 0, logs);
    match(logs, /\[notice\] .*signal 15 \(SIGTERM\) received/);
    match(logs, /^app: got SIGTERM/m);
    match(logs, /^worker: got SIGTERM[\s\S]*^worker log: end of the worker, all lines written$/m);
  });
});

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { readFrames } from "../../../lib/log/frame.ts";
import { boot, type Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { assertOrder, waiting } from "../harness/fixtures.ts";
import { test } from "../harness/test.ts";
import { daemonOf, fileHas } from "../log/fixture.ts";

// Every program of the binary does its part, before and after each daemon has started itself again in place. Instrumented builds, which run
// few tests, run this one: what any program does in C is done here once.

const LINKS = Object.fromEntries(
  ["cron", "crontab", "cronctl"].map((name) => [`/sbin/${name}`, { link: "shipshape" }]),
);

/** Boots a box with everything in it that has a program of ours. @param port where the log daemon forwards to */
function bootAll(port: number): Promise<Container> {
  return boot({
    environment: { GIVEN: "by a file" },
    startup: { "10_hello": 'echo "startup sees $GIVEN"' },
    preShutdown: { p: "echo before-the-services" },
    postShutdown: { p: "logger -p daemon.info -t hook last-words; echo after-the-services" },
    services: {
      cron: { run: "exec /sbin/cron -f" },
      web: { run: "echo from-web; exec sleep 1000", files: { "log.conf": "LOG_CAPTURE=on" } },
      own: { run: "echo sees $GIVEN; exec sleep 1000", log: "exec cat >>/var/log/own" },
      app: { run: "exec chpst -u app -e /opt/env sleep 1001" },
      user: { run: waiting({ TERM: "echo user-got-TERM; exit" }, "user-ready"), files: { user: "app\n" } },
    },
    files: {
      ...LINKS,
      "/opt/env/EXTRA": "more\n",
      "/etc/shipshape/logd.conf": `LOG_FORWARD=tcp://127.0.0.1:${port}\n`,
      "/etc/cron.d/job": "@reboot root echo booted\n",
    },
  });
}

/** Lets every program do its part. @param round makes what they say different each time */
async function allWork(box: Container, round: number, received: () => string): Promise<void> {
  assert.match(await box.sv("status", "web", "own"), /^run: web: \(pid \d+\).*\nrun: own: .*; run: log: /);
  assert.match(await box.sv("restart", "own"), /^ok: run: own: /);
  const starts = "sees by a file\n".repeat(round + 1);
  await eventually("its log has each start", () => box.has("/var/log/own") && box.read("/var/log/own") === starts);
  assert.equal((await box.exec("setuser app id -un")).stdout, "app\n");
  assert.equal((await box.exec("chpst -u app -e /opt/env sh -c 'id -un; echo $EXTRA'")).stdout, "app\nmore\n");
  await box.exec(`logger -p mail.err -t app round-${round}`);
  await fileHas(box, "mail.log", `round-${round}`);
  await eventually("the message is forwarded", () => received().includes(`round-${round}`));
  const table = `0 4 * * * echo table-${round}\n`;
  assert.equal((await box.exec("crontab -", { user: 1000, input: table })).code, 0);
  assert.equal((await box.exec("crontab -l", { user: 1000 })).stdout, table);
  // cron reads a changed table in slices, and rests between two readings.
  const ran = async () => (await box.exec("cron run app", { user: 1000 })).stdout === `table-${round}\n`;
  await eventually("cron has read the table", ran);
  assert.match((await box.exec("cron list")).stdout, /^job +@reboot/m);
}

test("A80 A95 A98 every program of the binary works, also after each daemon has started itself again in place", async () => {
  const frames: string[] = [];
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      text += data.toString("latin1");
      frames.push(...readFrames(text).frames.map(([from, end]) => text.slice(from, end)));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    await using box = await bootAll((server.address() as { port: number }).port);
    const received = () => frames.join("\n");
    await box.sees("startup sees by a file");
    await box.sees("user-ready");
    await box.sees("cron[job]: booted");
    await fileHas(box, "services/web.log", "from-web");
    await eventually("the service has become the user", () => box.find("sleep 1001"));
    await allWork(box, 1, received);

    const pids = () => ["web", "user"].map(async (name) => /pid \d+/.exec(await box.sv("status", name))?.[0]);
    const before = await Promise.all(pids());
    const daemons = { init: 1, log: daemonOf(box), cron: box.find("/sbin/cron")?.pid };
    for (const [count, pid] of Object.values(daemons).entries()) {
      await box.exec(`kill -SEGV ${pid}`);
      await box.sees("was sent signal 11, starting again in place", count + 1);
    }
    await box.sees(/The init has started itself again/);
    await box.sees(/^cron: it has started itself again/m);
    await allWork(box, 2, received);
    assert.deepEqual(await Promise.all(pids()), before);
    assert.deepEqual([daemonOf(box), box.find("/sbin/cron")?.pid], [daemons.log, daemons.cron]);
    assert.equal(box.output.count("cron[job]: booted"), 1);

    assert.equal((await box.stop()).code, 0);
    assertOrder(box.output.text, ["before-the-services", "user-got-TERM", "after-the-services"]);
    await eventually("the last message is forwarded", () => received().includes("last-words"));
    assert.doesNotMatch(box.output.text, /internal error|crashed by|Sanitizer|runtime error/);
  } finally {
    server.close();
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SANITIZED } from "../harness/container.ts";
import { TIME_SCALE } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf } from "./fixture.ts";

/** How long the flood lasts; `SHIPSHAPE_FLOOD_MS` for longer. */
const FLOOD_MS = Number(process.env.SHIPSHAPE_FLOOD_MS ?? "3000");
/** What `sv status` may take: the start of its process included, on a machine that does other things. */
const ANSWER_MS = 250 * TIME_SCALE;
/** AddressSanitizer keeps what is freed for a while. */
const MEMORY_KB = SANITIZED ? 32_768 : 8192;

test("A95 a service that floods its log costs neither answers of the init nor memory nor the disk", async () => {
  await using box = await bootWithLog(
    {
      before: "exec >/dev/null",
      services: {
        flood: { run: "exec yes $(printf '%0200d' 0)", files: { "log.conf": "LOG_CAPTURE=on" } },
        quiet: { run: "exec sleep 1000" },
      },
    },
    "LOG_ROTATE_SIZE=1M\nLOG_ROTATE_KEEP=2\n",
  );
  const until = performance.now() + FLOOD_MS;
  const answers: number[] = [];
  while (performance.now() < until) {
    const start = performance.now();
    assert.match(await box.sv("status", "quiet"), /^run: /);
    answers.push(performance.now() - start);
    await delay(100);
  }
  const pid = daemonOf(box);
  const status = readFileSync(`/proc/${box.first}/root/proc/${pid}/status`, "utf8");
  const residentKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  answers.sort((a, b) => a - b);
  const median = answers[Math.floor(answers.length / 2)] ?? 0;
  assert.ok(median < ANSWER_MS, `half of the answers took more than ${median} ms`);
  assert.ok(residentKb < MEMORY_KB, `the log daemon holds ${residentKb} kB`);
  const { stdout } = await box.exec("du -sk /var/log | cut -f1");
  assert.ok(Number(stdout) < 3 * 1024 + 2048, `${stdout.trim()} kB of logs`);
  const { code, ms } = await box.stop();
  assert.equal(code, 0);
  assert.ok(ms < 3000 * TIME_SCALE, `took ${ms} ms to stop`);
  console.log({ median, worst: answers.at(-1), residentKb, ms, kb: stdout.trim() });
});

import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { gated, waiting } from "../harness/fixtures.ts";
import { assertWell, LONGER, TORTURE, vitals } from "../harness/health.ts";
import { test } from "../harness/test.ts";

const ORPHANS = 100_000 * TORTURE;
const MAKERS = 2;

test(
  `A50 ${ORPHANS} orphans are reaped`,
  async () => {
    // Each turn leaves ten orphans that end at once.
    const maker = `i=0; while [ $i -lt ${ORPHANS / MAKERS / 10} ]; do (:&:&:&:&:&:&:&:&:&:); i=$((i + 1)); done; echo made >&2`;
    await using box = await boot({
      services: {
        s: { run: waiting() },
        ...Object.fromEntries(
          Array.from({ length: MAKERS }, (_, i) => [`maker${i}`, { run: `${maker}; exec sleep 1000`, down: true }]),
        ),
      },
    });
    await box.sees("ready");
    // Before the flood: under it a client that has left is still there for a while.
    const before = await vitals(box, "s");
    for (let i = 0; i < MAKERS; i++) await box.sv("up", `maker${i}`);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, box.zombies().length);
    }, 500);
    try {
      await box.sees("made", MAKERS, 240_000 * LONGER);
    } finally {
      clearInterval(watch);
    }
    await assertWell(box, before, "s");
    assert.ok(most < 5000, `${most} zombies at once`);
    assert.equal((await box.stop()).code, 0);
  },
  300_000 * LONGER,
);

test("A50 orphans that end while the container stops are reaped, and the stop is as quick", async () => {
  await using box = await boot({
    services: {
      s: {
        run: "trap 'i=0; while [ $i -lt 200 ]; do (:&:&:&:&:&:&:&:&:&:); i=$((i + 1)); done; exit' TERM; echo ready >&2; while :; do sleep 1000 & wait; done",
      },
    },
  });
  await box.sees("ready");
  const { code, ms } = await box.stop();
  assert.equal(code, 0);
  assert.ok(ms < 8000, `took ${ms} ms`);
});

const AT_ONCE = Math.max(250, 1000 * TORTURE);

test(`A50 ${AT_ONCE} processes that end at the same moment are reaped`, async () => {
  await using box = await boot({
    main: `${gated(AT_ONCE)}; ${waiting()}`,
    services: { s: { run: waiting({}, "service-ready") } },
  });
  await box.sees(/^ready$/m, 1, 30_000);
  await box.sees("service-ready");
  await eventually("they wait", () => box.processes().filter(({ name }) => name === "cat").length === AT_ONCE, 30_000);
  const before = await vitals(box, "s");
  await box.exec("kill $(cat /tmp/gatekeeper)");
  await eventually("they are gone", () => box.processes().every(({ name }) => name !== "cat"));
  await assertWell(box, before, "s");
});

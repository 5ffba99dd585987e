import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually, reaches, trivialRuns } from "../harness/deadline.ts";
import { gated, waiting } from "../harness/fixtures.ts";
import { assertWell, LONGER, TORTURE, vitals } from "../harness/health.ts";
import { test } from "../harness/test.ts";

const MAKERS = 2;
/** Of each maker. */
const THOUSANDS = Math.max(1, Math.round(50 * TORTURE));
const ORPHANS = MAKERS * 1000 * THOUSANDS;

test(
  `A50 ${ORPHANS} orphans are reaped`,
  async () => {
    // Each turn leaves ten orphans that end at once; each thousand is told.
    const thousand = "i=0; while [ $i -lt 100 ]; do (:&:&:&:&:&:&:&:&:&:); i=$((i + 1)); done; echo made >&2";
    const maker = `k=0; while [ $k -lt ${THOUSANDS} ]; do ${thousand}; k=$((k + 1)); done`;
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
      await box.sees("made", MAKERS * THOUSANDS);
    } finally {
      clearInterval(watch);
    }
    await assertWell(box, before, "s");
    assert.ok(most < ORPHANS / 4, `${most} zombies at once`);
    assert.equal((await box.stop()).code, 0);
  },
  // What hangs has a deadline of its own, which starts again with each step.
  3_600_000 * LONGER,
);

test("A50 orphans that end while the container stops are reaped, and the stop is as quick", async () => {
  await using box = await boot({
    services: {
      s: {
        run: "trap 'i=0; while [ $i -lt 200 ]; do (:&:&:&:&:&:&:&:&:&:); i=$((i + 1)); done; exit' TERM; echo ready >&2; while :; do sleep 1000 & wait; done",
      },
    },
    env: { SHUTDOWN_TIMEOUT: "1h", KILL_PROCESS_TIMEOUT: "1h" },
  });
  await box.sees("ready");
  // It takes what making two thousand orphans takes.
  const { code } = await box.stopSoon(5000, (signal) => trivialRuns(400, signal));
  assert.equal(code, 0);
});

const AT_ONCE = Math.max(250, 1000 * TORTURE);

test(`A50 ${AT_ONCE} processes that end at the same moment are reaped`, async () => {
  await using box = await boot({
    main: `${gated(AT_ONCE)}; ${waiting()}`,
    services: { s: { run: waiting({}, "service-ready") } },
  });
  await reaches("they wait", () => box.processes().filter(({ name }) => name === "cat").length, AT_ONCE);
  await box.sees(/^ready$/m);
  await box.sees("service-ready");
  const before = await vitals(box, "s");
  await box.exec("kill $(cat /tmp/gatekeeper)");
  await eventually("they are gone", () => box.processes().every(({ name }) => name !== "cat"));
  await assertWell(box, before, "s");
});

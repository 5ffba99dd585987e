import { setTimeout as sleep } from "node:timers/promises";
import { EVENT_LIMIT_MS, Kind } from "./harness/board.ts";
import type { Claim } from "./harness/claim.ts";
import { digits, middle, nsPerMs, nsPerUs, percent, times } from "./harness/format.ts";
import { judge } from "./harness/goals.ts";
import type { Init } from "./harness/inits.ts";
import { cpuNs } from "./harness/processes.ts";
import { interleave, Samples } from "./harness/samples.ts";
import { open } from "./harness/stage.ts";

const orphansFor = (init: Init, quick: boolean) => (init.name === "supervisord" ? 200 : quick ? 2000 : 20_000);
/** Goal: how many times tini's CPU per orphan. */
const atMost = 1.3;

export const reap: Claim = {
  name: "reap",
  title: "Reaping",
  how: "CPU time of PID 1 for each of 20,000 orphans (2,000 in a quick run, 200 for supervisord) that a service leaves one after the other, and how long after the last one no zombie is left. runit's PID 1 is tini.",
  async measure(bench) {
    const lag = new Samples();
    const cells = bench.inits
      .filter((init) => init.stopSignal === undefined)
      .map((init) => ({ init, services: 1, repetitions: bench.quick ? 1 : init.name === "supervisord" ? 1 : 3 }));
    const samples = await interleave(cells, async ({ init }) => {
      const orphans = orphansFor(init, bench.quick);
      const environment = { BENCH_ORPHANS: String(orphans) };
      const stage = await open(bench.workspace, init, { services: 1, fixture: "orphans", environment });
      try {
        await stage.reaches(Kind.Started, 1);
        await sleep(200);
        const usual = stage.ownProcesses().length;
        const before = cpuNs(stage.pid);
        stage.board.go();
        await stage.reaches(Kind.Done, 1);
        const deadline = performance.now() + EVENT_LIMIT_MS;
        while (stage.ownProcesses().length > usual) {
          if (performance.now() > deadline)
            throw new Error(`cannot measure ${init.name}: zombies are left minutes after the last orphan`);
          await sleep(1);
        }
        const done = stage.board.marks(Kind.Done)[0]?.ns ?? Number.NaN;
        lag.add(init, 1, Math.max(0, Number(process.hrtime.bigint()) - done));
        return (cpuNs(stage.pid) - before) / orphans;
      } finally {
        await stage.close();
      }
    });
    return {
      tables: [
        {
          title: "CPU of PID 1 per orphan",
          columns: ["", "µs", "tini = 1", "last zombie gone after, ms", "noise"],
          rows: cells.map(({ init }) => [
            init.label,
            middle(samples.of(init.name, 1), nsPerUs),
            times(samples.ratio(init.name, "tini", 1)),
            middle(lag.of(init.name, 1), nsPerMs),
            percent(samples.noise(init.name, [1])),
          ]),
        },
      ],
      goals: judge(
        { what: "reaping 20,000 orphans, CPU of PID 1", atMost, peer: "tini" },
        samples.compared("tini", 1),
        (ns) => `${digits(ns / nsPerUs)} µs each`,
      ),
      samples: samples.record(),
    };
  },
};

import { setTimeout as sleep } from "node:timers/promises";
import { EVENT_LIMIT_MS, Kind } from "./harness/board.ts";
import type { Claim, Goal } from "./harness/claim.ts";
import { middle, milliseconds, nsPerMs, percent, times } from "./harness/format.ts";
import { judge } from "./harness/goals.ts";
import type { Init } from "./harness/inits.ts";
import { type Cell, interleave, Samples } from "./harness/samples.ts";
import { open } from "./harness/stage.ts";

const counts = [3, 10, 100];
/** Goal: how many times s6's time, the fastest peer that tells every service. */
const atMost = 0.35;
const judged = [3, 100];
const sigterm = 15;
/** Services that have just come up are given this long, so that every supervisor has seen them run. */
const settleMs = 100;

export const stop: Claim = {
  name: "stop",
  title: "Stop",
  how: "From TERM to PID 1 until the container is gone (all of its processes reaped by the kernel), with services that exit at once when told. Told: services that received TERM, the fewest of all repetitions. Speed counts only where every one was told.",
  async measure(bench) {
    const told = new Samples();
    const repetitions = (init: Init, count: number) => {
      if (bench.quick) return 1;
      return init.name === "supervisord" ? 2 : count === 10 ? 5 : 9;
    };
    const cells = bench.inits.flatMap((init): Cell[] => {
      const services = init.supervises ? counts : [1];
      return services.map((count) => ({ init, services: count, repetitions: repetitions(init, count) }));
    });
    const samples = await interleave(cells, async ({ init, services }) => {
      const stage = await open(bench.workspace, init, { services });
      try {
        await stage.reaches(Kind.Started, services);
        await sleep(settleMs);
        const from = await stage.signal(0, init.stopSignal ?? sigterm);
        const gone = await stage.goneWithin(EVENT_LIMIT_MS);
        if (gone === null)
          throw new Error(`cannot time the stop of ${init.name}: it still runs, minutes after its stop signal`);
        told.add(init, services, stage.board.marks(Kind.Told).length);
        return gone.ns - from;
      } finally {
        await stage.close();
      }
    });
    const shown = [1, ...counts];
    const measured = bench.inits.filter((init) => shown.some((count) => samples.of(init.name, count) !== null));
    return {
      tables: [
        {
          title: "TERM → gone",
          columns: [
            "",
            ...shown.flatMap((count) => [
              `${count} service${count === 1 ? "" : "s"}, ms`,
              ...(judged.includes(count) ? ["s6 = 1"] : []),
              "told",
            ]),
            "noise",
          ],
          rows: measured.map((init) => [
            init.label,
            ...shown.flatMap((count) => [
              middle(samples.of(init.name, count), nsPerMs),
              ...(judged.includes(count) ? [times(samples.ratio(init.name, "s6", count))] : []),
              told.of(init.name, count) === null ? "–" : `${told.of(init.name, count)?.least} of ${count}`,
            ]),
            percent(samples.noise(init.name, shown)),
          ]),
        },
      ],
      goals: counts.flatMap((count): Goal[] => {
        const heard = told.of("shipshape", count)?.least;
        if (heard === undefined) return [];
        const what = `TERM → container gone, ${count} services that exit at once`;
        const speed = judge({ what, atMost, peer: "s6" }, samples.compared("s6", count), milliseconds);
        return [
          ...(judged.includes(count) ? speed : []),
          {
            what: `every one of ${count} services told TERM`,
            atMost: `none missed`,
            measured: `${count - heard} missed`,
            met: heard === count,
            kind: "fact",
          },
        ];
      }),
      samples: samples.record(),
    };
  },
};

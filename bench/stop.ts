import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Claim } from "./harness/claim.ts";
import { digits, middle, nsPerMs, percent, times } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { type Cell, interleave, Samples } from "./harness/samples.ts";
import { open } from "./harness/stage.ts";

const counts = [3, 10, 100];
/** Goals in milliseconds, by number of services. */
const atMostMs = new Map([
  [3, 3],
  [100, 10],
]);
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
        await stage.reaches(Kind.Started, services, 20_000);
        await sleep(settleMs);
        const from = await stage.signal(0, init.stopSignal ?? sigterm);
        const gone = await stage.goneWithin(10_000);
        if (gone === null)
          throw new Error(`cannot time the stop of ${init.name}: it still ran 10 s after its stop signal`);
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
            ...shown.flatMap((count) => [`${count} service${count === 1 ? "" : "s"}, ms`, "told"]),
            "s6 = 1 (100)",
            "noise",
          ],
          rows: measured.map((init) => [
            init.label,
            ...shown.flatMap((count) => [
              middle(samples.of(init.name, count), nsPerMs),
              told.of(init.name, count) === null ? "–" : `${told.of(init.name, count)?.least} of ${count}`,
            ]),
            times(samples.ratio(init.name, "s6", 100)),
            percent(samples.noise(init.name, shown)),
          ]),
        },
      ],
      goals: counts.flatMap((count) => {
        const mine = samples.of("shipshape", count);
        const heard = told.of("shipshape", count)?.least;
        if (mine === null || heard === undefined) return [];
        const limit = atMostMs.get(count);
        return [
          ...(limit === undefined
            ? []
            : [
                {
                  what: `TERM → container gone, ${count} services that exit at once`,
                  atMost: `${limit} ms`,
                  measured: `${digits(mine.median / nsPerMs)} ms`,
                  met: mine.median / nsPerMs <= limit,
                  kind: "measure" as const,
                },
              ]),
          {
            what: `every one of ${count} services told TERM`,
            atMost: `none missed`,
            measured: `${count - heard} missed`,
            met: heard === count,
            kind: "fact" as const,
          },
        ];
      }),
      samples: samples.record(),
    };
  },
};

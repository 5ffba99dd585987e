import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Claim } from "./harness/claim.ts";
import { digits, middle, nsPerMs, percent, times } from "./harness/format.ts";
import { Samples } from "./harness/samples.ts";
import { open, type Stage } from "./harness/stage.ts";

/** Goal: crash to exec, in milliseconds. */
const atMostMs = 2;
/** How long a service runs before it crashes: longer than what any of the supervisors takes for a failed start. */
const upMs = 2500;
const sigkill = 9;

/** Kills every service in turn and tells how long each took to be executed again, in nanoseconds. */
async function crashEach(stage: Stage, services: number): Promise<number[]> {
  const took: number[] = [];
  for (const { pid } of stage.services()) {
    const from = await stage.signal(pid, sigkill);
    await stage.reaches(Kind.Started, services + took.length + 1, 10_000);
    const again = stage.board.marks(Kind.Started)[services + took.length];
    if (again === undefined) throw new Error("cannot time a restart: the new process left no record");
    took.push(again.ns - from);
    await sleep(20);
  }
  return took;
}

export const restart: Claim = {
  name: "restart",
  title: "Restart",
  how: `From SIGKILL to a service that had been up for ${upMs} ms until the first instruction of its new process, each of the services in turn.`,
  async measure(bench) {
    const services = bench.quick ? 2 : 10;
    const inits = bench.inits.filter(
      (init) => init.supervises && init.name !== "floor" && init.stopSignal === undefined,
    );
    const samples = new Samples();
    for (let turn = 0; turn < (bench.quick ? 1 : 3); turn++) {
      for (const init of inits) {
        const stage = await open(bench.workspace, init, { services });
        try {
          await stage.reaches(Kind.Started, services, 20_000);
          await sleep(upMs);
          for (const ns of await crashEach(stage, services)) samples.add(init, services, ns);
        } finally {
          await stage.close();
        }
      }
    }
    const mine = samples.of("shipshape", services);
    return {
      tables: [
        {
          title: "Crash → re-exec",
          columns: ["", "ms", "slowest, ms", "runit = 1", "noise"],
          rows: inits.map((init) => [
            init.label,
            middle(samples.of(init.name, services), nsPerMs),
            digits((samples.of(init.name, services)?.most ?? Number.NaN) / nsPerMs),
            times(samples.ratio(init.name, "runit", services)),
            percent(samples.noise(init.name, [services])),
          ]),
        },
      ],
      goals:
        mine === null
          ? []
          : [
              {
                what: "crash of a service that had been up → re-exec",
                atMost: `${atMostMs} ms`,
                measured: `${digits(mine.median / nsPerMs)} ms`,
                met: mine.median / nsPerMs <= atMostMs,
                kind: "measure",
              },
            ],
      samples: samples.record(),
    };
  },
};

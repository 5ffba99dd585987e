import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Claim } from "./harness/claim.ts";
import { digits, middle, milliseconds, nsPerMs, percent, times } from "./harness/format.ts";
import { judge } from "./harness/goals.ts";
import type { Init } from "./harness/inits.ts";
import { Samples } from "./harness/samples.ts";
import { open, type Stage } from "./harness/stage.ts";

/** Goal: how many times runit's time from the crash to the exec. */
const atMost = 0.45;
/** How long a service runs before it crashes: longer than what any of the supervisors takes for a failed start. */
const upMs = 2500;
const sigkill = 9;

/** Kills the service and tells how long it took until one was executed again, in nanoseconds. @param before starts so far */
async function crash(stage: Stage, pid: number, before: number): Promise<number> {
  const from = await stage.signal(pid, sigkill);
  await stage.reaches(Kind.Started, before + 1);
  const again = stage.board.marks(Kind.Started)[before];
  if (again === undefined) throw new Error("cannot time a restart: the new process left no record");
  return again.ns - from;
}

export const restart: Claim = {
  name: "restart",
  title: "Restart",
  how: `From SIGKILL to a service that had been up for ${upMs} ms or more until the first instruction of its new process; each of ten services in turn, under all supervisors side by side.`,
  async measure(bench) {
    const services = bench.quick ? 2 : 10;
    const inits = bench.inits.filter((init) => init.supervises && init.stopSignal === undefined);
    const samples = new Samples();
    const stages: { init: Init; stage: Stage }[] = [];
    try {
      for (const init of inits) {
        const stage = await open(bench.workspace, init, { services });
        stages.push({ init, stage });
        await stage.reaches(Kind.Started, services);
      }
      await sleep(upMs);
      const targets = stages.map((each) => ({ ...each, victims: each.stage.services().map(({ pid }) => pid) }));
      for (let i = 0; i < services; i++) {
        for (const { init, stage, victims } of targets) {
          const pid = victims[i];
          if (pid === undefined) throw new Error(`cannot measure ${init.name}: only ${i} of ${services} services run`);
          samples.add(init, services, await crash(stage, pid, services + i));
        }
      }
    } finally {
      for (const { stage } of stages) await stage.close();
    }
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
      goals: judge(
        { what: "crash of a service that had been up → re-exec", atMost, peer: "runit" },
        samples.compared("runit", services),
        milliseconds,
      ),
      samples: samples.record(),
    };
  },
};

import { withEngine } from "../tools/containers/open-engine.ts";
import type { Claim } from "./harness/claim.ts";
import { bootInContainer, makeImage } from "./harness/containers.ts";
import { middle, milliseconds, nsPerMs, percent, times } from "./harness/format.ts";
import { judge } from "./harness/goals.ts";
import { interleave } from "./harness/samples.ts";

/** Goals: how many times runit's time, by number of services. */
const atMost = new Map([
  [3, 0.4],
  [100, 0.13],
]);
const repetitions = 9;

export const bootInContainers: Claim = {
  name: "boot-in-containers",
  title: "Boot in containers",
  how: "The same within containers of the engine at hand, as the goals were set: from the exec of the init to the first instruction of the last service's `main`. An image of one layer holds services, programs and their libraries and nothing else.",
  async measure(bench) {
    const inits = bench.inits.filter(({ name }) => ["floor", "runit", "shipshape"].includes(name));
    const counts = bench.quick ? [3] : [...atMost.keys()];
    const samples = await withEngine(async (engine) => {
      const images = new Map<number, string>();
      try {
        for (const count of counts) images.set(count, await makeImage(engine, bench.workspace, inits, count));
        const cells = counts.flatMap((services) =>
          inits.map((init) => ({ init, services, repetitions: bench.quick ? 1 : repetitions })),
        );
        return await interleave(cells, ({ init, services }) =>
          bootInContainer(engine, bench.workspace, images.get(services) ?? "", init, services),
        );
      } finally {
        for (const image of images.values()) await engine.run(["rmi", image]);
      }
    });
    return {
      tables: [
        {
          title: "Exec of the init → exec of the last service",
          columns: ["", ...counts.flatMap((count) => [`${count} services, ms`, "runit = 1"]), "noise"],
          rows: inits.map((init) => [
            init.label,
            ...counts.flatMap((count) => [
              middle(samples.of(init.name, count), nsPerMs),
              times(samples.ratio(init.name, "runit", count)),
            ]),
            percent(samples.noise(init.name, counts)),
          ]),
        },
      ],
      goals: counts.flatMap((count) => {
        const what = `exec of my_init → exec of the last of ${count} services`;
        const goal = { what, atMost: atMost.get(count) ?? 0, peer: "runit" };
        return judge(goal, samples.compared("runit", count), milliseconds);
      }),
      samples: samples.record(),
    };
  },
};

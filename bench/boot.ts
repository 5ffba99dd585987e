import { Kind } from "./harness/board.ts";
import type { Bench, Claim, Table } from "./harness/claim.ts";
import { middle, nsPerMs, percent, times } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { type Cell, interleave, type Samples } from "./harness/samples.ts";
import { open } from "./harness/stage.ts";

async function bootNs({ workspace }: Bench, { init, services }: Cell, storage: "disk" | "memory"): Promise<number> {
  const stage = await open(workspace, init, { services, storage });
  try {
    await stage.reaches(Kind.Started, services);
    const last = stage.board.marks(Kind.Started)[services - 1];
    if (last === undefined) throw new Error(`cannot time the boot of ${init.name}: its last service left no record`);
    return last.ns - stage.execNs;
  } finally {
    await stage.close();
  }
}

function table(
  title: string,
  samples: Samples,
  inits: readonly Init[],
  counts: readonly number[],
  note?: string,
): Table {
  const measured = inits.filter((init) => counts.some((count) => samples.of(init.name, count) !== null));
  return {
    title,
    columns: [
      "",
      ...counts.flatMap((count) => [`${count} service${count === 1 ? "" : "s"}, ms`, "runit = 1"]),
      "noise",
    ],
    rows: measured.map((init) => [
      init.label,
      ...counts.flatMap((count) => [
        middle(samples.of(init.name, count), nsPerMs),
        times(samples.ratio(init.name, "runit", count)),
      ]),
      percent(samples.noise(init.name, counts)),
    ]),
    ...(note === undefined ? {} : { note }),
  };
}

export const boot: Claim = {
  name: "boot",
  title: "Boot",
  how: "From the exec of the init to the first instruction of the last service's `main`, in bare namespaces.",
  async measure(bench) {
    const repetitions = (init: Init, full: number) => (bench.quick ? 2 : init.name === "supervisord" ? 3 : full);
    const cells = bench.inits.flatMap((init): Cell[] => {
      if (init.stopSignal !== undefined) return [];
      const one = { init, services: 1, repetitions: repetitions(init, 15) };
      if (!init.supervises) return [one];
      return [one, { ...one, services: 3 }, { init, services: 100, repetitions: repetitions(init, 11) }];
    });
    const samples = await interleave(cells, (cell) => bootNs(bench, cell, "disk"));
    const inMemory = cells.filter(({ services, init }) => services === 100 && init.name !== "supervisord");
    const memorySamples = await interleave(inMemory, (cell) => bootNs(bench, cell, "memory"));
    return {
      tables: [
        table("The container's writable layer on the disk", samples, bench.inits, [1, 3, 100]),
        table(
          "The writable layer in memory",
          memorySamples,
          bench.inits,
          [100],
          "What remains when files cost next to nothing, as they do in no container unless `/etc/service` is a tmpfs.",
        ),
      ],
      goals: [], // they were set in containers: boot-in-containers.ts
      samples: { ...samples.record(), ...prefixed("in memory: ", memorySamples.record()) },
    };
  },
};

function prefixed(prefix: string, record: Record<string, readonly number[]>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(record).map(([key, values]) => [prefix + key, values]));
}

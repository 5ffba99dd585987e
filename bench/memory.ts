import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Bench, Claim, Goal, Table } from "./harness/claim.ts";
import { digits, times } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { type Memory, memoryOf } from "./harness/processes.ts";
import { type Cell, interleave, Samples } from "./harness/samples.ts";
import { open } from "./harness/stage.ts";

/** Goals in bytes: PSS and private dirty with 3 services, private dirty with more. MB are 1,000,000 bytes. */
const atMost: readonly { what: keyof Memory; services: number; bytes: number }[] = [
  { what: "pss", services: 3, bytes: 1.3e6 },
  { what: "privateDirty", services: 3, bytes: 0.5e6 },
  { what: "privateDirty", services: 100, bytes: 0.65e6 },
  { what: "privateDirty", services: 1000, bytes: 2.1e6 },
];

const titles: Readonly<Record<keyof Memory, string>> = {
  pss: "PSS",
  privateDirty: "Private dirty",
  private: "Private, clean and dirty",
};

/** Memory is read when everything has been up this long. */
const settleMs = 400;

interface Sum extends Memory {
  readonly processes: number;
}

/** All processes of the supervision together, PID 1 among them; the services themselves are left out. */
async function memoryOfTree({ workspace }: Bench, init: Init, services: number): Promise<Sum> {
  const stage = await open(workspace, init, { services });
  try {
    await stage.reaches(Kind.Started, services);
    await sleep(settleMs);
    const each = stage.ownProcesses().map(({ pid }) => memoryOf(pid));
    const sum = (field: keyof Memory) => each.reduce((total, memory) => total + memory[field], 0);
    return { processes: each.length, pss: sum("pss"), private: sum("private"), privateDirty: sum("privateDirty") };
  } finally {
    await stage.close();
  }
}

export const memory: Claim = {
  name: "memory",
  title: "Memory",
  how: "All supervising processes together (runit: tini, runsvdir and every runsv), without the services, idle. Each program and library is a copy that nothing else maps, as in a container that runs alone: PSS is not made small by what the machine happens to run.",
  async measure(bench) {
    const counts = bench.quick ? [3, 100] : [1, 3, 10, 100, 1000];
    const cells = bench.inits
      .filter((init) => init.name !== "floor" && init.stopSignal === undefined)
      .flatMap((init): Cell[] =>
        (init.supervises ? counts : [1]).map((services) => {
          const repetitions = bench.quick || services === 1000 || init.name === "supervisord" ? 1 : 3;
          return { init, services, repetitions };
        }),
      );
    const metrics = { pss: new Samples(), privateDirty: new Samples(), private: new Samples() };
    const processes = await interleave(cells, async ({ init, services }) => {
      const sum = await memoryOfTree(bench, init, services);
      for (const metric of ["pss", "privateDirty", "private"] as const)
        metrics[metric].add(init, services, sum[metric]);
      return sum.processes;
    });
    const inits = bench.inits.filter((init) => cells.some((cell) => cell.init === init));
    const shown = [...new Set(cells.map((cell) => cell.services))].sort((a, b) => a - b);
    const table = (title: string, samples: Samples, unit: number, note?: string): Table => ({
      title,
      columns: ["services", ...shown.map((count) => count.toLocaleString("en"))],
      rows: inits.map((init) => [
        init.label,
        ...shown.map((count) => {
          const s = samples.of(init.name, count);
          if (s === null) return "–";
          const ratio = samples.ratio(init.name, "runit", count);
          return ratio === null || unit === 1
            ? digits(s.median / unit)
            : `${digits(s.median / unit)} (${times(ratio)})`;
        }),
      ]),
      ...(note === undefined ? {} : { note }),
    });
    return {
      tables: [
        ...(["pss", "privateDirty", "private"] as const).map((metric) =>
          table(`${titles[metric]}, kB (runit = 1)`, metrics[metric], 1000),
        ),
        table(
          "Processes",
          processes,
          1,
          "What PSS does not show: every process also costs the kernel its stack, page tables and structures, 100 kB and more.",
        ),
      ],
      goals: atMost.flatMap(({ what, services, bytes }): Goal[] => {
        const mine = metrics[what].of("shipshape", services);
        if (mine === null) return [];
        return [
          {
            what: `PID 1 idle with ${services.toLocaleString("en")} services: ${what === "pss" ? "PSS" : "private dirty"}`,
            atMost: `${bytes / 1e6} MB`,
            measured: `${digits(mine.median / 1e6)} MB`,
            met: mine.median <= bytes,
            kind: "measure",
          },
        ];
      }),
      samples: Object.assign(
        {},
        ...Object.entries(metrics).map(([metric, samples]) =>
          Object.fromEntries(Object.entries(samples.record()).map(([key, values]) => [`${metric}: ${key}`, values])),
        ),
      ),
    };
  },
};

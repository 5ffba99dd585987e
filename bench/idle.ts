import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Claim } from "./harness/claim.ts";
import { digits, nsPerUs } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { cpuNs, voluntarySwitches } from "./harness/processes.ts";
import { open, type Stage } from "./harness/stage.ts";

/** Left alone before the clock starts: whatever an init still does once after its start is done. */
const settleMs = 12_000;
/** runsvdir looks at its directory every five seconds: the window holds that twice. */
const windowMs = 11_000;
const quickMs = 1000;

interface Use {
  readonly cpuNs: number;
  readonly switches: number;
}

function useOf(stage: Stage): Use {
  const pids = stage.ownProcesses().map(({ pid }) => pid);
  const sum = (read: (pid: number) => number) => pids.reduce((total, pid) => total + read(pid), 0);
  return { cpuNs: sum(cpuNs), switches: sum(voluntarySwitches) };
}

export const idle: Claim = {
  name: "idle",
  title: "Idle",
  how: "What all supervising processes together do while three services (one under tini and dumb-init) run and nothing happens: CPU time, and how often one of them woke up. All of them wait side by side in the same seconds.",
  async measure(bench) {
    const inits = bench.inits.filter((init) => init.name !== "floor" && init.stopSignal === undefined);
    const seconds = (bench.quick ? quickMs : windowMs) / 1000;
    const stages: { init: Init; stage: Stage }[] = [];
    try {
      for (const init of inits) {
        const services = init.supervises ? 3 : 1;
        const stage = await open(bench.workspace, init, { services });
        stages.push({ init, stage });
        await stage.reaches(Kind.Started, services);
      }
      await sleep(bench.quick ? quickMs : settleMs);
      const before = stages.map(({ stage }) => useOf(stage));
      await sleep(seconds * 1000);
      const used = stages.map(({ stage }, i) => {
        const now = useOf(stage);
        return { cpuNs: now.cpuNs - (before[i]?.cpuNs ?? 0), switches: now.switches - (before[i]?.switches ?? 0) };
      });
      const mine = used[inits.findIndex((init) => init.name === "shipshape")];
      return {
        tables: [
          {
            title: `In ${seconds} seconds`,
            columns: ["", "CPU, µs", "CPU, µs a second", "woken"],
            rows: inits.map((init, i) => {
              const use = used[i] ?? { cpuNs: Number.NaN, switches: Number.NaN };
              const cpuUs = use.cpuNs / nsPerUs;
              return [init.label, digits(cpuUs), digits(cpuUs / seconds), String(use.switches)];
            }),
          },
        ],
        goals:
          mine === undefined
            ? []
            : [
                {
                  what: "idle CPU",
                  atMost: "none (no polling)",
                  measured: `${digits(mine.cpuNs / nsPerUs)} µs, woken ${mine.switches} times in ${seconds} s`,
                  met: mine.cpuNs === 0 && mine.switches === 0,
                  kind: "fact",
                },
              ],
        samples: Object.fromEntries(
          inits.flatMap((init, i) => [
            [`cpuNs: ${init.name}`, [used[i]?.cpuNs ?? Number.NaN]],
            [`switches: ${init.name}`, [used[i]?.switches ?? Number.NaN]],
          ]),
        ),
      };
    } finally {
      for (const { stage } of stages) await stage.close();
    }
  },
};

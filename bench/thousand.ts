import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Bench, Claim } from "./harness/claim.ts";
import { digits, nsPerMs } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { open } from "./harness/stage.ts";

const services = 1000;
/** An init that has started no further service for this long starts no more. */
const stuckMs = 30_000;

interface Outcome {
  readonly running: number;
  readonly lastStartNs: number;
  /** Files of any type that the init made on `/run`. */
  readonly onRun: number;
  /** Files of any type that the init made where its services are described; 0 when that is on `/run`. */
  readonly besideServices: number;
}

/** The directory and its links, as the bench lays them out: one directory with a `run` for each service. */
const described = services * 2;

function entriesBelow(directory: string): number {
  return existsSync(directory) ? readdirSync(directory, { recursive: true }).length : 0;
}

async function outcome({ workspace }: Bench, init: Init): Promise<Outcome> {
  const stage = await open(workspace, init, { services });
  try {
    let started = -1;
    while (stage.board.count() > started && started < services) {
      started = stage.board.count();
      const deadline = performance.now() + stuckMs;
      while (stage.board.count() < services && performance.now() < deadline) await sleep(20);
    }
    await sleep(500);
    const root = `/proc/${stage.pid}/root`;
    const onRun = entriesBelow(`${root}/run`);
    const scansRun = init.scans?.startsWith("/run/") ?? false;
    return {
      running: stage.services().length,
      lastStartNs: (stage.board.marks(Kind.Started).at(-1)?.ns ?? Number.NaN) - stage.execNs,
      onRun: scansRun ? onRun - described - 1 : onRun,
      besideServices: scansRun || init.scans === undefined ? 0 : entriesBelow(root + init.scans) - described,
    };
  } finally {
    await stage.close();
  }
}

export const thousand: Claim = {
  name: "thousand",
  title: "A thousand services",
  how: "How many of 1,000 services run, when the last was executed, and how many files the init made for them on `/run` and beside their descriptions (s6's descriptions are on `/run`).",
  async measure(bench) {
    const inits = bench.inits.filter(
      (init) =>
        init.supervises &&
        init.name !== "floor" &&
        init.stopSignal === undefined &&
        !(bench.quick && init.name === "supervisord"),
    );
    const outcomes: { init: Init; seen: Outcome }[] = [];
    for (const init of inits) outcomes.push({ init, seen: await outcome(bench, init) });
    const mine = outcomes.find(({ init }) => init.name === "shipshape")?.seen;
    return {
      tables: [
        {
          title: "1,000 services",
          columns: ["", "run", "last one after, ms", "files on `/run`", "beside the services"],
          rows: outcomes.map(({ init, seen }) => [
            init.label,
            String(seen.running),
            digits(seen.lastStartNs / nsPerMs),
            String(seen.onRun),
            String(seen.besideServices),
          ]),
        },
      ],
      goals:
        mine === undefined
          ? []
          : [
              {
                what: "1,000 services all run",
                atMost: "none missing",
                measured: `${services - mine.running} missing`,
                met: mine.running === services,
                kind: "fact",
              },
              {
                what: "no file per service, on /run or beside the services",
                atMost: "less than 1 per 10 services",
                measured: `${mine.onRun} on /run, ${mine.besideServices} beside the services`,
                met: mine.onRun + mine.besideServices < services / 10,
                kind: "fact",
              },
            ],
      samples: Object.fromEntries(outcomes.map(({ init, seen }) => [init.name, Object.values(seen)])),
    };
  },
};

import { type Dirent, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Kind } from "./harness/board.ts";
import type { Bench, Claim } from "./harness/claim.ts";
import { digits, nsPerMs } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { open } from "./harness/stage.ts";

const services = 1000;
/** An init that has started no further service for this long starts no more. */
const stuckMs = 4000;

interface Outcome {
  readonly running: number;
  readonly lastStartNs: number;
  /** Entries of any type on the container's `/run`. */
  readonly onRun: number;
  /** Entries that the init added to the image's `/etc`. */
  readonly onEtc: number;
}

/** How many entries there are below a directory; device nodes that overlayfs leaves for removed files count too. */
function entriesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true, recursive: true }).length;
}

/** Entries below the services' directories, whoever made them; the image's own are `services` directories with a `run` each. */
function addedTo(directory: string): number {
  const entries: Dirent[] = readdirSync(directory, { withFileTypes: true, recursive: true });
  return entries.length - services * 2;
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
    const scan = init.name === "s6" ? `${root}/run/service` : `${root}/etc/service`;
    const described = init.name === "s6" ? services * 2 + 1 : 0; // laid on /run by the bench, not by s6
    return {
      running: stage.services().length,
      lastStartNs: (stage.board.marks(Kind.Started).at(-1)?.ns ?? Number.NaN) - stage.execNs,
      onRun: entriesBelow(`${root}/run`) - described,
      onEtc: init.name === "s6" ? 0 : addedTo(scan),
    };
  } finally {
    await stage.close();
  }
}

export const thousand: Claim = {
  name: "thousand",
  title: "A thousand services",
  how: "How many of 1,000 services run, when the last was executed, and how many files the init made for them on `/run` (s6: its scan directory is there) and in `/etc/service`.",
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
          columns: ["", "run", "last one after, ms", "files on `/run`", "files in `/etc/service`"],
          rows: outcomes.map(({ init, seen }) => [
            init.label,
            String(seen.running),
            digits(seen.lastStartNs / nsPerMs),
            String(seen.onRun),
            String(seen.onEtc),
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
                what: "no file per service on /run or in /etc/service",
                atMost: "less than 1 per 10 services",
                measured: `${mine.onRun} on /run, ${mine.onEtc} in /etc/service`,
                met: mine.onRun + mine.onEtc < services / 10,
                kind: "fact",
              },
            ],
      samples: Object.fromEntries(outcomes.map(({ init, seen }) => [init.name, Object.values(seen)])),
    };
  },
};

import { Kind } from "./harness/board.ts";
import type { Bench, Claim } from "./harness/claim.ts";
import type { Init } from "./harness/inits.ts";
import { open } from "./harness/stage.ts";

/** When TERM is sent, in microseconds after the exec has succeeded. */
const momentsUs = [100, 200, 300, 500, 1000, 2000, 3500, 5000];
/** Before an init's first instruction, which the machine may delay, no init can hear anything. */
const judgedFromUs = 500;
/** Whoever still runs this long after TERM and has told nobody has lost it. */
const patienceMs = 1500;

type Outcome =
  /** All that had been started were told, and the container is gone. */
  | "clean"
  /** The container is gone, and a service was killed without a word. */
  | "untold"
  /** The signal had no effect: an engine would kill the container after its grace period. */
  | "lost";

async function outcome({ workspace }: Bench, init: Init, momentUs: number): Promise<Outcome> {
  const stage = await open(workspace, init, { services: init.supervises ? 3 : 1, termAfterUs: momentUs });
  try {
    const gone = await stage.goneWithin(patienceMs);
    if (gone === null) return "lost";
    return stage.board.marks(Kind.Told).length === stage.board.marks(Kind.Started).length ? "clean" : "untold";
  } finally {
    await stage.close();
  }
}

export const earlyTerm: Claim = {
  name: "early-term",
  title: "TERM in the first 5 ms",
  how: `TERM is sent so many microseconds after the exec of the init. Clean: the container is gone and every service that had been started was told; untold: gone, but a service was killed without a word; lost: still running ${patienceMs} ms later. Until an init's first instruction the kernel itself drops every signal to PID 1: the floor shows how long that is.`,
  async measure(bench) {
    const inits = bench.inits.filter((init) => init.stopSignal === undefined);
    const moments = bench.quick ? [1000, 4000] : momentsUs;
    const repetitions = (init: Init) => (bench.quick || init.name === "supervisord" ? 1 : 3);
    const outcomes = new Map<string, Outcome[]>();
    const key = (init: Init, moment: number) => `${init.name}, ${moment} µs`;
    for (let turn = 0; turn < 3; turn++) {
      for (const moment of moments) {
        for (const init of inits) {
          if (turn >= repetitions(init)) continue;
          const seen = outcomes.get(key(init, moment)) ?? [];
          outcomes.set(key(init, moment), [...seen, await outcome(bench, init, moment)]);
        }
      }
    }
    const cell = (init: Init, moment: number) => tally(outcomes.get(key(init, moment)) ?? []);
    const cleanAt = (moment: number) => outcomes.get(`shipshape, ${moment} µs`)?.every((o) => o === "clean") ?? false;
    const cleanFrom = moments.find((moment) => moments.filter((m) => m >= moment).every(cleanAt));
    return {
      tables: [
        {
          title: "What becomes of a TERM after so many µs",
          columns: ["", ...moments.map(String)],
          rows: inits.map((init) => [init.label, ...moments.map((moment) => cell(init, moment))]),
        },
      ],
      goals: inits.some((init) => init.name === "shipshape")
        ? [
            {
              what: "TERM in the first 5 ms after exec: a clean stop",
              atMost: `from ${judgedFromUs} µs on, every time`,
              measured: cleanFrom === undefined ? "not always" : `from ${cleanFrom} µs on`,
              met: moments.filter((moment) => moment >= judgedFromUs).every(cleanAt),
              kind: "measure",
            },
          ]
        : [],
      samples: Object.fromEntries(
        [...outcomes].map(([name, seen]) => [name, seen.map((o) => (o === "clean" ? 1 : 0))]),
      ),
    };
  },
};

/** `clean`, or how often each: `2 clean, 1 lost`. */
function tally(seen: readonly Outcome[]): string {
  const kinds = (["clean", "untold", "lost"] as const).filter((kind) => seen.includes(kind));
  if (kinds.length === 1) return kinds[0] ?? "–";
  return kinds.map((kind) => `${seen.filter((o) => o === kind).length} ${kind}`).join(", ") || "–";
}

import { EVENT_LIMIT_MS, Kind } from "./harness/board.ts";
import type { Bench, Claim, Goal } from "./harness/claim.ts";
import { times } from "./harness/format.ts";
import type { Init } from "./harness/inits.ts";
import { open } from "./harness/stage.ts";

/** When TERM is sent, in microseconds after the exec has succeeded; the last ones for machines on which the floor itself takes that long. */
const momentsUs = [100, 200, 300, 500, 1000, 2000, 3500, 5000, 10_000, 20_000];
/** Goal: how many times the floor's first moment. Before an init's first instruction, which the machine may delay, none can hear anything. */
const atMost = 2;
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
    const told = () => stage.board.marks(Kind.Told).length;
    const gone = (await stage.goneWithin(patienceMs)) ?? (told() > 0 ? await stage.goneWithin(EVENT_LIMIT_MS) : null);
    if (gone === null) return "lost";
    return told() === stage.board.marks(Kind.Started).length ? "clean" : "untold";
  } finally {
    await stage.close();
  }
}

export const earlyTerm: Claim = {
  name: "early-term",
  title: "TERM in the first 20 ms",
  how: `TERM is sent so many microseconds after the exec of the init. Clean: the container is gone and every service that had been started was told; untold: gone, but a service was killed without a word; lost: still running ${patienceMs} ms later, with nobody told. Until an init's first instruction the kernel itself drops every signal to PID 1: the floor shows how long that is.`,
  async measure(bench) {
    const inits = bench.inits.filter((init) => init.stopSignal === undefined);
    const moments = bench.quick ? [1000, 4000, 20_000] : momentsUs;
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
    const cleanFrom = (name: string) =>
      firstAlways(moments, (moment) => outcomes.get(`${name}, ${moment} µs`)?.every((o) => o === "clean") ?? false);
    return {
      tables: [
        {
          title: "What becomes of a TERM after so many µs",
          columns: ["", ...moments.map(String)],
          rows: inits.map((init) => [init.label, ...moments.map((moment) => cell(init, moment))]),
        },
      ],
      goals: inits.some((init) => init.name === "shipshape")
        ? [earlyGoal(cleanFrom("shipshape"), cleanFrom("floor"))]
        : [],
      samples: Object.fromEntries(
        [...outcomes].map(([name, seen]) => [name, seen.map((o) => (o === "clean" ? 1 : 0))]),
      ),
    };
  },
};

/** The first moment from which on every one holds; `null` when the last does not. */
export function firstAlways(moments: readonly number[], holds: (moment: number) => boolean): number | null {
  return moments.find((moment) => moments.filter((later) => later >= moment).every(holds)) ?? null;
}

/** Judges from when on TERM is clean, by the floor's own moment in the same run; `null` for never. */
export function earlyGoal(mine: number | null, floor: number | null): Goal {
  const from = (moment: number | null) => (moment === null ? "not always" : `from ${moment} µs on`);
  const ratio = mine === null || floor === null ? null : mine / floor;
  return {
    what: "TERM in the first 20 ms after exec: a clean stop, every time",
    atMost: `from ${atMost} × the floor's moment on`,
    measured: `${from(mine)} (floor: ${from(floor)})`,
    floor: times(ratio),
    met: ratio !== null && ratio <= atMost,
    kind: "measure",
  };
}

/** `clean`, or how often each: `2 clean, 1 lost`. */
function tally(seen: readonly Outcome[]): string {
  const kinds = (["clean", "untold", "lost"] as const).filter((kind) => seen.includes(kind));
  if (kinds.length === 1) return kinds[0] ?? "–";
  return kinds.map((kind) => `${seen.filter((o) => o === kind).length} ${kind}`).join(", ") || "–";
}

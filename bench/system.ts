import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startContainer } from "../host/engines/container.ts";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { buildBaseImage } from "../image/build.ts";
import { staged } from "../image/context.ts";
import { baseImage } from "../tools/containers/base-image.ts";
import { withEngine } from "../tools/containers/open-engine.ts";
import { top } from "../tools/setup/places.ts";
import { Board, Kind } from "./harness/board.ts";
import type { Claim, Goal } from "./harness/claim.ts";
import { digits, middle, nsPerMs, times } from "./harness/format.ts";
import { judge, type RatioGoal } from "./harness/goals.ts";
import { memoryOf, processesIn } from "./harness/processes.ts";
import { type Spread, spread } from "./harness/statistics.ts";
import type { Workspace } from "./harness/workspace.ts";

const repetitions = 7;
const services = 3;
/** Memory is read when everything has been up this long. */
const settleMs = 1500;
const BUILD_LIMIT_MS = 15 * 60_000;
/** Where the fixtures and the board are in the container. */
const place = "/bench";
const boardPath = `${place}/board`;

/** A system in an image, with the command that starts it. */
interface System {
  readonly name: "shipshape" | "parts" | "tini" | "floor";
  readonly label: string;
  readonly image: string;
  readonly argv: readonly string[];
  readonly services: number;
  /** Whether it has a cron and a log daemon. */
  readonly cron: boolean;
}

/** What is measured of each, in the order of the table. */
const metrics = {
  pss: "PSS, kB",
  privateDirty: "private dirty, kB",
  boot: "services run, ms",
  works: "cron and syslog work, ms",
  stop: "`docker stop`, ms",
} as const;
type Metric = keyof typeof metrics;
const unitOf: Readonly<Record<Metric, number>> = {
  pss: 1000,
  privateDirty: 1000,
  boot: nsPerMs,
  works: nsPerMs,
  stop: 1,
};

const memoryGoals: readonly { metric: Metric; what: string; atMostMb: number }[] = [
  { metric: "pss", what: "init, log and cron idle: PSS", atMostMb: 2.5 },
  { metric: "privateDirty", what: "init, log and cron idle: private dirty", atMostMb: 1.5 },
];
const timeGoals: readonly (RatioGoal & { metric: Metric; by: System["name"] })[] = [
  {
    metric: "boot",
    what: "exec of my_init → exec of the last service, with log daemon and cron",
    atMost: 1,
    peer: "Debian's parts",
    by: "parts",
  },
  // Most of it is the engine's own work, which the peer's holds too.
  {
    metric: "stop",
    what: "`docker stop`, three services that exit at once",
    atMost: 1.3,
    peer: "one process under tini",
    by: "tini",
  },
];
const atMostBytesAdded = 5e6;

/** An image with three services more, and a job that cron runs when it starts. */
async function withFixtures(engine: HostEngine, workspace: Workspace, image: string, name: string): Promise<string> {
  const tag = `shipshape-bench:${process.pid}-${name}`;
  const context = staged(0, workspace.directory, ["launch", "service", "ready", "floor"], (directory) => {
    mkdirSync(join(directory, "etc/cron.d"), { recursive: true });
    const job = `BENCH_BOARD=${boardPath}\n@reboot root ${place}/ready\n`;
    writeFileSync(join(directory, "etc/cron.d/bench"), job);
    for (let i = 0; i < services; i++) {
      // The last by name, so that those of the system are started before.
      const service = join(directory, `etc/service/zz-bench-${i}`);
      mkdirSync(service, { recursive: true });
      symlinkSync(`${place}/service`, join(service, "run"));
    }
    writeFileSync(
      join(directory, "Dockerfile"),
      `FROM ${image}\nCOPY launch service ready floor ${place}/\nCOPY etc/ /etc/\n`,
    );
  });
  await engine.runOrThrow(`build ${tag}`, ["build", "--tag", tag, "-"], { input: context, timeoutMs: BUILD_LIMIT_MS });
  return tag;
}

/** Boots a system, lets it idle, stops it. Times in nanoseconds, the stop in milliseconds, memory in bytes. */
async function measureOnce(engine: HostEngine, workspace: Workspace, system: System): Promise<Record<Metric, number>> {
  const board = new Board(join(workspace.memory, `system-${system.name}`));
  const options = ["--network", "none", "-v", `${board.path}:${boardPath}`, "-e", `BENCH_BOARD=${boardPath}`];
  const container = await startContainer(engine, [...options, system.image, `${place}/launch`, ...system.argv]);
  try {
    const up = !system.cron || (await board.reaches(Kind.Done, 1));
    if (!up || !(await board.reaches(Kind.Started, system.services)))
      throw new Error(`cannot measure ${system.label}: it is not up in time\n${await container.logs()}`);
    const [launched] = board.marks(Kind.Launched);
    const after = (kind: Kind) => Math.max(...board.marks(kind).map(({ ns }) => ns)) - (launched?.ns ?? Number.NaN);
    await sleep(settleMs);
    const own = processesIn(Number(await container.inspect("{{.State.Pid}}"))).filter(
      ({ program }) => program !== `${place}/service`,
    );
    const each = own.map(({ pid }) => memoryOf(pid));
    const sum = (field: "pss" | "privateDirty") => each.reduce((total, memory) => total + memory[field], 0);
    const { tookMs } = await container.stop();
    return {
      pss: sum("pss"),
      privateDirty: sum("privateDirty"),
      boot: after(Kind.Started),
      works: Math.max(after(Kind.Started), after(Kind.Done)),
      stop: tookMs,
    };
  } finally {
    await container.remove();
    board.close();
  }
}

interface Size {
  readonly label: string;
  /** Bytes over the bare distribution. */
  readonly added: number;
}

export const system: Claim = {
  name: "system",
  title: "The whole system",
  how: `The base image, idle: init, log daemon and cron, with sshd off; beside it the same system out of Debian's parts in containers of the engine at hand (\`bench/parts/Dockerfile\`: tini, runit, syslog-ng, cron and the \`tail\` that brings syslog to the container's log). Memory is that of all processes but the three services. Boot is from the exec of the init to the exec of the last service; then, which no goal is about, until a job that cron starts at once (\`@reboot\`, through a shell) has left its message with the log daemon. \`docker stop\` is the whole command as a person waits for it; the floor starts and tells the three services and nothing else, and one process under tini shows what the command itself costs. Debian's parts are quick to stop because they tell no service: runsvdir ends, and the rest is killed.`,
  async measure(bench) {
    const { workspace } = bench;
    const measured = new Map<System, Record<Metric, number>[]>();
    const sizes: Size[] = [];
    await withEngine(async (engine) => {
      const base = await baseImage(engine, "trixie");
      const bytes = async (image: string): Promise<number> =>
        Number(
          (await engine.runOrThrow(`inspect ${image}`, ["image", "inspect", "--format", "{{.Size}}", image])).stdout,
        );
      const bare = await bytes(base);
      const ofParts = async (target: string): Promise<string> => {
        const tag = `shipshape-bench:${target}`;
        const args = ["build", "--tag", tag, "--target", target, "--build-arg", `BASE_IMAGE=${base}`];
        const options = { timeoutMs: BUILD_LIMIT_MS };
        await engine.runOrThrow(`build ${tag}`, [...args, ...engine.buildArgs, join(top, "bench/parts")], options);
        return tag;
      };
      const parts = await ofParts("parts");
      const ours = bench.inits.some(({ name }) => name === "shipshape");
      const images: [string, string][] = [
        ["Debian's parts", parts],
        ["Debian's parts, and what else the original has", await ofParts("original")],
      ];
      let whole = "";
      if (ours) {
        images.push(["**shipshape**, small", await buildBaseImage(engine, { variant: "small" })]);
        whole = await buildBaseImage(engine, { variant: "full" });
        images.push(["**shipshape**, full", whole]);
      }
      for (const [label, image] of images) sizes.push({ label, added: (await bytes(image)) - bare });

      const argv = ["/usr/bin/tini", "--", "/usr/bin/runsvdir", "-P", "/etc/service"];
      const made = await withFixtures(engine, workspace, parts, "parts");
      const withoutCron = { image: made, cron: false };
      const systems: System[] = [
        {
          name: "floor",
          label: "*floor: a loop in C*",
          ...withoutCron,
          argv: [`${place}/floor`, String(services), `${place}/service`],
          services,
        },
        {
          name: "tini",
          label: "tini with one process",
          ...withoutCron,
          argv: ["/usr/bin/tini", "--", `${place}/service`],
          services: 1,
        },
        { name: "parts", label: "Debian's parts", image: made, argv, services, cron: true },
      ];
      if (ours) {
        const image = await withFixtures(engine, workspace, whole, "shipshape");
        systems.push({
          name: "shipshape",
          label: "**shipshape**",
          image,
          argv: ["/sbin/my_init"],
          services,
          cron: true,
        });
      }
      try {
        for (let turn = 0; turn < (bench.quick ? 1 : repetitions); turn++) {
          for (const one of systems)
            measured.set(one, [...(measured.get(one) ?? []), await measureOnce(engine, workspace, one)]);
        }
      } finally {
        await engine.run(["rmi", ...new Set(systems.map(({ image }) => image))]);
      }
    });

    const of = (name: System["name"], metric: Metric): Spread | null => {
      const [, runs] = [...measured].find(([one]) => one.name === name) ?? [];
      return runs === undefined ? null : spread(runs.map((run) => run[metric]));
    };
    const ratio = (name: System["name"], metric: Metric): number | null => {
      const [mine, theirs] = [of(name, metric), of("parts", metric)];
      return mine === null || theirs === null ? null : mine.median / theirs.median;
    };
    const names = Object.keys(metrics) as Metric[];
    const small = sizes.find(({ label }) => label.endsWith("small"));
    return {
      tables: [
        {
          title: "Idle, boot and stop",
          columns: ["", ...names.flatMap((metric) => [metrics[metric], "parts = 1"])],
          rows: [...measured.keys()].map(({ name, label, cron }) => [
            label,
            ...names.flatMap((metric) =>
              metric === "works" && !cron
                ? ["–", "–"]
                : [middle(of(name, metric), unitOf[metric]), times(ratio(name, metric))],
            ),
          ]),
        },
        {
          title: "Bytes over the bare Debian 13",
          columns: ["", "MB"],
          rows: sizes.map(({ label, added }) => [label, digits(added / 1e6)]),
        },
      ],
      goals: [
        ...memoryGoals.flatMap(({ metric, what, atMostMb }): Goal[] => {
          const mine = of("shipshape", metric);
          if (mine === null) return [];
          const mb = mine.median / 1e6;
          return [
            { what, atMost: `${atMostMb} MB`, measured: `${digits(mb)} MB`, met: mb <= atMostMb, kind: "measure" },
          ];
        }),
        ...timeGoals.flatMap(({ metric, by, ...goal }) =>
          judge(
            goal,
            { mine: of("shipshape", metric), peer: of(by, metric), floor: of("floor", metric) },
            (median) => `${digits(median / unitOf[metric])} ms`,
          ),
        ),
        ...(small === undefined
          ? []
          : [
              {
                what: "bytes over the bare distribution, small variant",
                atMost: `${atMostBytesAdded / 1e6} MB`,
                measured: `${digits(small.added / 1e6)} MB`,
                met: small.added <= atMostBytesAdded,
                kind: "fact" as const,
              },
            ]),
      ],
      samples: Object.fromEntries(
        [...measured].flatMap(([{ name }, runs]) =>
          names.map((metric) => [`${name}: ${metric}`, runs.map((run) => run[metric])]),
        ),
      ),
    };
  },
};

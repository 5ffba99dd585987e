import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { onStop } from "../host/stopping.ts";
import { buildRuntime } from "../tools/build-runtime.ts";
import { needDebianPackages } from "../tools/debian.ts";
import { hostArch } from "../tools/runtime/arch.ts";
import { say, seconds, top } from "../tools/setup/places.ts";
import { boot } from "./boot.ts";
import { bootInContainers } from "./boot-in-containers.ts";
import { earlyTerm } from "./early-term.ts";
import type { Bench, Claim } from "./harness/claim.ts";
import {
  debianPackages,
  dumbInit,
  floor,
  type Init,
  runit,
  runitHup,
  s6,
  shipshape,
  supervisord,
  tini,
} from "./harness/inits.ts";
import { goals, type Measured, report, type Setting, section } from "./harness/report.ts";
import { Workspace } from "./harness/workspace.ts";
import { idle } from "./idle.ts";
import { memory } from "./memory.ts";
import { reap } from "./reap.ts";
import { restart } from "./restart.ts";
import { size } from "./size.ts";
import { stop } from "./stop.ts";
import { syslog } from "./syslog.ts";
import { system } from "./system.ts";
import { thousand } from "./thousand.ts";

const claims: readonly Claim[] = [
  memory,
  boot,
  bootInContainers,
  stop,
  earlyTerm,
  reap,
  restart,
  thousand,
  idle,
  system,
  syslog,
  size,
];
/** These need images in an engine first. */
const engineClaims: readonly Claim[] = [bootInContainers, system];
const peers: readonly Init[] = [floor, tini, dumbInit, runit, runitHup, s6, supervisord];

/** Each of their starts or stops takes a second: a smoke run does without. */
const slow: readonly Init[] = [supervisord, runitHup];

const usage = `usage: npm run bench -- [--quick] [--peers] [CLAIM ...]
claims: ${claims.map(({ name }) => name).join(" ")}
  --quick   a smoke run: few repetitions, exit code 1 when a goal that no machine can excuse is missed
  --peers   leave shipshape out`;

interface Options {
  readonly quick: boolean;
  readonly peers: boolean;
  readonly claims: readonly Claim[];
}

/** @throws with the usage when there is no such claim or option */
function parse(args: string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { quick: { type: "boolean", default: false }, peers: { type: "boolean", default: false } },
    });
    const unknown = positionals.find((name) => !claims.some((claim) => claim.name === name));
    if (unknown !== undefined) throw new Error(`no such claim: "${unknown}"`);
    const asked = claims.filter(({ name }) => positionals.includes(name));
    const usual = values.quick ? claims.filter((claim) => !engineClaims.includes(claim)) : claims;
    return { ...values, claims: asked.length === 0 ? usual : asked };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

function setting(inits: readonly Init[]): Setting {
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: release().split("-")[0] ?? "",
    cpu: `${cores.length} × ${cores[0]?.model ?? "unknown CPU"}`,
    load: loadavg()[0] ?? Number.NaN,
    versions: [...new Map(inits.map((init) => [init.programs.join(), init])).values()]
      .filter((init) => init.programs.length > 0)
      .map((init) => [init.name, init.version()]),
  };
}

async function measure(options: Options, inits: readonly Init[]): Promise<Measured[]> {
  const workspace = new Workspace();
  const stopped = onStop(() => workspace.remove());
  try {
    const bench: Bench = { workspace, inits, quick: options.quick };
    const measured: Measured[] = [];
    for (const claim of options.claims) {
      const from = performance.now();
      measured.push({ claim, finding: await claim.measure(bench) });
      say(`${claim.name}: ${seconds(performance.now() - from)}`);
    }
    return measured;
  } finally {
    workspace.remove();
    stopped();
  }
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2));
  if (process.getuid?.() !== 0)
    throw new Error("cannot run the benchmarks: only root can make PID and mount namespaces; use sudo");
  await needDebianPackages(debianPackages);
  if (!options.peers) await buildRuntime({ arch: hostArch(), variant: "release" });
  const others = options.quick ? peers.filter((init) => !slow.includes(init)) : peers;
  const inits = options.peers ? others : [...others, shipshape];
  const where = setting(inits);
  const measured = await measure(options, inits);

  const text = report(where, measured);
  mkdirSync(join(top, "dist"), { recursive: true });
  const findings = measured.map(({ claim, finding }) => ({ claim: claim.name, ...finding }));
  writeFileSync(
    join(top, "dist", "bench.json"),
    `${JSON.stringify({ ...where, quick: options.quick, findings }, null, 2)}\n`,
  );
  process.stdout.write(`\n${measured.map(section).join("\n\n")}\n\n${goals(measured)}\n`);
  if (!options.quick && !options.peers && options.claims === claims) {
    writeFileSync(join(top, "bench", "README.md"), text);
    say("\nwritten to bench/README.md and dist/bench.json");
  }
  const missed = measured.flatMap(({ finding }) => finding.goals).filter((goal) => !goal.met);
  return missed.some((goal) => goal.kind === "fact" || !options.quick) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}

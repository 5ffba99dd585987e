import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lastLines } from "../../host/command.ts";
import { onStop } from "../../host/stopping.ts";
import { cacheDir, say } from "../setup/places.ts";
import { type Bridge, makeBridge } from "./docker-bridge.ts";

/** A Docker daemon of our own. */
export interface DockerDaemon {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  /** What `docker build` needs here: the host's network where the daemon cannot give containers one. */
  readonly buildArgs: readonly string[];
  /** Ends the daemon with its containers and removes what it left in /run. Its data stay, for the next time. */
  stop(): Promise<void>;
}

interface Attempt {
  readonly why: string;
  readonly args: readonly string[];
  readonly legacyTables?: boolean;
}

const NO_BRIDGE = "--bridge=none";

/** Machines differ in what they let a daemon do to the network: each attempt asks for less. */
const ATTEMPTS: readonly Attempt[] = [
  { why: "", args: [] },
  { why: "iptables-nft does not work here: using iptables-legacy", args: [], legacyTables: true },
  { why: "no iptables here: containers reach the outside by the host's network only", args: ["--iptables=false"] },
  { why: "no bridges here: containers have the host's network or none", args: ["--iptables=false", NO_BRIDGE] },
];

const NETWORK_TROUBLE = /iptables|network controller|bridge/i;

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

/**
 * A machine without an init system may have no cgroups mounted. They are mounted for the daemon alone: version 2 when it holds the
 * memory controller, else one directory per version 1 controller.
 */
const WITH_CGROUPS = `
mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
if awk '$1 == "memory" && $2 != 0 { version1 = 1 } END { exit !version1 }' /proc/cgroups; then
  for name in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
    mkdir /sys/fs/cgroup/$name && mount -t cgroup -o $name cgroup /sys/fs/cgroup/$name
  done
else
  umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec "$@"`;

/**
 * Starts dockerd by hand, without an init system, with a data root, a socket, a pid file, a containerd and a bridge of its own.
 * @param dataRoot where its images and containers are, kept for the next time; no other daemon may use it meanwhile
 * @throws when it does not answer; the message ends with the daemon's last words
 */
export async function startDockerDaemon(dataRoot = join(cacheDir, "docker")): Promise<DockerDaemon> {
  const log = join(dataRoot, "dockerd.log");
  mkdirSync(dataRoot, { recursive: true });
  const runDir = mkdtempSync("/run/shipshape-docker-");
  const bridge = await makeBridge(dataRoot);
  for (const attempt of ATTEMPTS) {
    if (attempt.why !== "") say(attempt.why);
    writeFileSync(log, "");
    const child = launch(attempt, runDir, dataRoot, log, bridge);
    const stop = stopper(child, runDir, bridge);
    const forget = onStop(stop);
    if (await answers(child, join(runDir, "docker.sock"))) {
      return {
        host: `unix://${runDir}/docker.sock`,
        buildArgs: attempt.args.length > 0 ? ["--network=host"] : [],
        stop: async () => {
          forget();
          await stop();
        },
      };
    }
    forget();
    const ended = child.exitCode !== null;
    await end(child);
    // Only a daemon that gave up because of the network may do better with less of it.
    if (!ended || !NETWORK_TROUBLE.test(readFileSync(log, "utf8"))) break;
  }
  await bridge?.remove();
  rmSync(runDir, { recursive: true, force: true });
  throw new Error(`cannot start dockerd (log: ${log}):\n${lastLines(readFileSync(log, "utf8"), 10)}`);
}

function launch(attempt: Attempt, runDir: string, dataRoot: string, log: string, bridge: Bridge | null): ChildProcess {
  const output = openSync(log, "a");
  const network = bridge === null || attempt.args.includes(NO_BRIDGE) ? [] : [`--bridge=${bridge.name}`];
  const daemon = ["dockerd", ...daemonArgs(runDir, dataRoot), ...network, ...attempt.args];
  const isolated = hasCgroups() ? [] : ["unshare", "--mount", "sh", "-euc", WITH_CGROUPS, "dockerd"];
  // Should this process be killed, the kernel tells the daemon to stop. A session of its own keeps Ctrl-C from it: stop() comes last.
  return spawn("setpriv", ["--pdeathsig", "TERM", ...isolated, ...daemon], {
    detached: true,
    stdio: ["ignore", output, output],
    env: attempt.legacyTables ? { ...process.env, PATH: legacyTablesPath(runDir) } : process.env,
  });
}

function daemonArgs(runDir: string, dataRoot: string): string[] {
  return [
    `--host=unix://${runDir}/docker.sock`,
    `--pidfile=${runDir}/docker.pid`,
    `--exec-root=${runDir}/exec`,
    `--data-root=${dataRoot}`,
    "--exec-opt=native.cgroupdriver=cgroupfs",
  ];
}

/** A PATH on which `iptables` is the legacy one, which needs no nf_tables in the kernel. */
function legacyTablesPath(runDir: string): string {
  const directory = join(runDir, "bin");
  mkdirSync(directory, { recursive: true });
  for (const name of ["iptables", "ip6tables"]) symlinkSync(`/usr/sbin/${name}-legacy`, join(directory, name));
  return `${directory}:${process.env.PATH}`;
}

function hasCgroups(): boolean {
  return / - cgroup2? /.test(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** Waits until the daemon answers; false when it ends instead or the time is up. */
async function answers(child: ChildProcess, socketPath: string): Promise<boolean> {
  let ended = false;
  child.once("error", () => (ended = true)).once("exit", () => (ended = true));
  const deadline = Date.now() + START_LIMIT_MS;
  while (!ended && Date.now() < deadline) {
    if (await ping(socketPath)) return true;
    await sleep(100);
  }
  return false;
}

function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked
      .on("error", () => resolve(false))
      .on("timeout", () => asked.destroy())
      .end();
  });
}

function stopper(child: ChildProcess, runDir: string, bridge: Bridge | null): () => Promise<void> {
  return async () => {
    await end(child);
    await bridge?.remove();
    rmSync(runDir, { recursive: true, force: true });
  };
}

/** SIGTERM, on which dockerd ends its containers and containerd; SIGKILL should that take too long. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await exited;
  clearTimeout(timer);
}

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../host/command.ts";
import { cacheDir, top } from "../setup/places.ts";

const LIMIT_MS = 60_000;

/** Starts a daemon, says where, asks it for its version, and then does as it is told. */
const HOLDER = `
import { startDockerDaemon } from "./tools/containers/docker-daemon.ts";
const daemon = await startDockerDaemon(process.env.DATA_ROOT);
console.log(daemon.host);
process.stdin.once("data", async () => { await daemon.stop(); process.exit(0); });
`;

/** A process that holds a daemon of its own, in a network of its own so that no other daemon's bridge is touched. */
async function hold(): Promise<{ holder: ChildProcess; host: string; dataRoot: string; exit: Promise<number | null> }> {
  const dataRoot = mkdtempSync(join(cacheDir, "docker-test-"));
  const program = [process.execPath, "--import", "tsx", "--input-type=module", "--eval", HOLDER];
  const holder = spawn("unshare", ["--net", ...program], {
    cwd: top,
    env: { ...process.env, DATA_ROOT: dataRoot },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exit = new Promise<number | null>((resolve) => holder.once("exit", resolve));
  const host = await Promise.race([
    new Promise<string>((resolve) => holder.stdout.setEncoding("utf8").once("data", resolve)),
    exit.then((code) => Promise.reject(new Error(`the holder ended with ${code}`))),
  ]);
  return { holder, host: host.trim(), dataRoot, exit };
}

/** Pids of the processes whose command line holds a text. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const endings: Record<string, { end: (holder: ChildProcess) => void; code: number | null; cleans: boolean }> = {
  "its user is done": { end: (holder) => holder.stdin?.write("stop\n"), code: 0, cleans: true },
  "its user is interrupted": { end: (holder) => holder.kill("SIGINT"), code: 130, cleans: true },
  "its user is killed": { end: (holder) => holder.kill("SIGKILL"), code: null, cleans: false },
};

for (const [title, { end, code, cleans }] of Object.entries(endings)) {
  test(`startDockerDaemon() gives a daemon that ends when ${title}`, { timeout: 2 * LIMIT_MS }, async (t) => {
    if ((await run("dockerd", ["--version"])).code !== 0) return t.skip("no dockerd here: another engine is used");
    const { holder, host, dataRoot, exit } = await hold();
    try {
      const answer = await run("docker", ["version"], { env: { DOCKER_HOST: host }, timeoutMs: LIMIT_MS });
      assert.equal(answer.code, 0, answer.stderr);
      assert.notDeepEqual(processesWith(dataRoot), []);
      end(holder);
      assert.equal(await exit, code);
      const deadline = Date.now() + LIMIT_MS;
      while (processesWith(dataRoot).length > 0 && Date.now() < deadline) await sleep(50);
      assert.deepEqual(processesWith(dataRoot), []);
      if (cleans) assert.ok(!existsSync(host.slice("unix://".length)), `${host} is still there`);
    } finally {
      holder.kill("SIGKILL");
      rmSync(dataRoot, { recursive: true, force: true });
      rmSync(join(host.slice("unix://".length), ".."), { recursive: true, force: true });
    }
  });
}

/** Starts two daemons, prints the networks of their containers and the machine's interfaces, and stops them. */
const NEIGHBOURS = `
import { startDockerDaemon } from "./tools/containers/docker-daemon.ts";
import { runOrThrow } from "./host/command.ts";
const [first, second] = [await startDockerDaemon(process.env.FIRST), await startDockerDaemon(process.env.SECOND)];
const format = "{{range .IPAM.Config}}{{.Subnet}}{{end}}";
const networks = [];
for (const { host } of [first, second]) {
  const args = ["network", "inspect", "bridge", "--format", format];
  networks.push((await runOrThrow("ask for the network", "docker", args, { env: { DOCKER_HOST: host } })).stdout.trim());
}
await second.stop();
const kept = (await runOrThrow("list bridges", "ip", ["-br", "link"])).stdout.match(/^shipshape\\w+/gm)?.length ?? 0;
await first.stop();
const left = (await runOrThrow("list bridges", "ip", ["-br", "link"])).stdout.match(/^shipshape\\w+/gm)?.length ?? 0;
console.log(JSON.stringify({ networks, kept, left }));
`;

test("startDockerDaemon() gives the containers of two daemons different addresses", {
  timeout: 4 * LIMIT_MS,
}, async (t) => {
  for (const [program, argument] of [
    ["dockerd", "--version"],
    ["ip", "-V"],
  ] as const)
    if ((await run(program, [argument])).code !== 0) return t.skip(`no ${program} here`);
  const [FIRST, SECOND] = [1, 2].map(() => mkdtempSync(join(cacheDir, "docker-test-"))) as [string, string];
  try {
    const program = [process.execPath, "--import", "tsx", "--input-type=module", "--eval", NEIGHBOURS];
    const { code, stdout, stderr } = await run("unshare", ["--net", ...program], { cwd: top, env: { FIRST, SECOND } });
    assert.equal(code, 0, stderr);
    const { networks, kept, left } = JSON.parse(stdout) as { networks: string[]; kept: number; left: number };
    assert.equal(new Set(networks).size, 2, `both have ${networks}`);
    for (const network of networks) assert.match(network, /^172\.\d+\.\d+\.0\/24$/);
    assert.deepEqual({ kept, left }, { kept: 1, left: 0 }, "a daemon takes its own bridge with it");
  } finally {
    for (const directory of [FIRST, SECOND]) rmSync(directory, { recursive: true, force: true });
  }
});

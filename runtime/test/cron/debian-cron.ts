import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { boot } from "../harness/container.ts";
import type { FileSpec } from "../harness/rootfs.ts";
import { run } from "../harness/run.ts";

const SHIM = fileURLToPath(new URL("clock-shim.c", import.meta.url));

/** Debian's cron, of the release that this machine runs, and the library that makes its time pass at once. */
export interface DebianCron {
  readonly program: Buffer;
  readonly shim: Buffer;
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await run(program, args, { deadlineMs: 120_000 });
  assert.equal(code, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
}

/** Fetches the package and unpacks it, without installing it: this machine shall not get a second cron. */
export async function fetchDebianCron(): Promise<DebianCron> {
  const directory = mkdtempSync(join(tmpdir(), "debian-cron-"));
  try {
    const download = 'cd "$1" && { apt-get -q download cron || { apt-get -q update && apt-get -q download cron; }; }';
    await must("sh", "-c", download, "download", directory);
    const package_ = readdirSync(directory).find((name) => name.endsWith(".deb")) ?? "";
    await must("dpkg-deb", "-x", join(directory, package_), join(directory, "root"));
    const shim = join(directory, "shim.so");
    await must("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", shim, SHIM, "-ldl");
    return { program: readFileSync(join(directory, "root/usr/sbin/cron")), shim: readFileSync(shim) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What Debian's cron logged in a stretch of time, as the second and the message. */
export async function logOf(
  { program, shim }: DebianCron,
  files: Readonly<Record<string, FileSpec>>,
  { zone, from, to }: { zone: string; from: number; to: number },
): Promise<readonly (readonly [second: number, message: string])[]> {
  await using box = await boot({
    command: ["/opt/cron", "-f"],
    env: { LD_PRELOAD: "/opt/shim.so", SHIM_FROM: String(from), SHIM_TO: String(to), TZ: zone },
    files: {
      "/opt/cron": { content: program, mode: 0o755 },
      "/opt/shim.so": { content: shim, mode: 0o755 },
      "/var/run": { link: "/run" },
      "/var/spool/cron/crontabs": { directory: true },
      ...files,
    },
  });
  const { code } = await box.ended();
  assert.equal(code, 0, box.output.text);
  return box
    .read("/tmp/jobs")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const blank = line.indexOf(" ");
      return [Number(line.slice(0, blank)), line.slice(blank + 1)] as const;
    });
}

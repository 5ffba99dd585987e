import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { lastLines, run, runOrThrow } from "../host/command.ts";
import { cacheDir, logPath, say } from "./setup/places.ts";

/** Debian releases that we build from; `epoch` dates the files of a base file system (day of the release, seconds). */
export const releases = {
  bookworm: { version: 12, epoch: 1_686_355_200 },
  trixie: { version: 13, epoch: 1_754_697_600 },
} as const;

export type Release = keyof typeof releases;

const APT_LIMIT_MS = 20 * 60_000;
const PROGRESS_EVERY_MS = 5000;
/** A base file system older than this is made again, for Debian's security updates. */
const ROOTFS_KEPT_MS = 7 * 24 * 3600_000;

/**
 * Installs with the packages' services held back: while it runs, policy-rc.d forbids every start and restart, unless the machine
 * has a policy of its own.
 */
const INSTALL_SCRIPT = `
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] || grep -q shipshape $policy; then
  trap 'rm -f $policy' EXIT
  trap 'exit 143' HUP INT TERM
  printf '#!/bin/sh\\n# shipshape: no service starts while packages are installed\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
apt-get -qq update || echo 'some package lists could not be read: going on with the others'
apt-get -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
`;

/**
 * Makes sure that Debian packages are installed. Says on stderr what it installs; details go to a log file.
 *
 * @param names as apt-get takes them, `name:arch` too
 * @throws when apt-get fails, or when there is none, or no right to use it; the message names the packages
 * @see https://manpages.debian.org/invoke-rc.d.8 for policy-rc.d
 */
export function needDebianPackages(names: readonly string[]): Promise<void> {
  // One at a time: the second one may find everything installed.
  const done = turn.then(() => install(names));
  turn = done.catch(() => {});
  return done;
}

let turn: Promise<void> = Promise.resolve();

async function install(names: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of names) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;

  const list = missing.join(" ");
  if (!existsSync("/usr/bin/apt-get")) {
    throw new Error(`cannot install ${list}: no apt-get here; install what these Debian packages hold by other means`);
  }
  if (process.getuid?.() !== 0) throw new Error(`cannot install ${list}: not root; run: sudo apt-get install ${list}`);
  const log = logPath("apt");
  say(`installing Debian packages: ${list} (details in ${log})`);
  const script = ["sh", "-uc", INSTALL_SCRIPT, "install", ...missing];
  const result = await run("flock", ["/run/lock/shipshape-apt", ...script], {
    env: { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1", LC_ALL: "C.UTF-8" },
    timeoutMs: APT_LIMIT_MS,
    logPath: log,
    onOutput: installProgress(),
  });
  if (result.code === 0) return;
  const output = `${result.stdout}\n${result.stderr}`;
  const errors = output.split("\n").filter((line) => /^(E|Err|dpkg)\b/.test(line));
  const reason = errors.length > 0 ? errors.join("\n") : lastLines(output, 20);
  throw new Error(`cannot install ${list}: apt-get ended with status ${result.code} (log: ${log})\n${reason}`);
}

async function isInstalled(name: string): Promise<boolean> {
  const { stdout } = await run("dpkg", ["--status", name]);
  return /^Status: .* installed$/m.test(stdout);
}

/** Reads apt-get's output and says at intervals how many packages are done. */
function installProgress(): (text: string) => void {
  let total = 0;
  let done = 0;
  let saidAt = Date.now();
  return (text) => {
    total ||= Number(/(\d+) newly installed/.exec(text)?.[1] ?? 0);
    done += text.match(/^Setting up /gm)?.length ?? 0;
    if (Date.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = Date.now();
    say(total === 0 ? "  reading package lists" : `  ${done} of ${total} packages set up`);
  };
}

/**
 * A minimal Debian as a tar file, made by mmdebstrap from the mirror that this machine's apt uses (from mmdebstrap's own default
 * where that is no Debian). The same packages give the same bytes. Kept in the cache for a week.
 *
 * @returns the tar file's path
 */
export async function baseRootfs(release: Release): Promise<string> {
  const kept = keptRootfs(release);
  if (kept !== null) return kept;
  const tar = rootfsPath(release);
  await needDebianPackages(["mmdebstrap", "debian-archive-keyring"]);
  mkdirSync(join(cacheDir, "rootfs"), { recursive: true });
  const log = logPath("mmdebstrap");
  say(`making a minimal Debian ${releases[release].version} (${release}) with mmdebstrap (details in ${log})`);
  const sources = sourcesList(release, await debianMirrors());
  const unfinished = `${tar}.${process.pid}.tar`;
  try {
    await runOrThrow("make a base file system", "mmdebstrap", ["--variant=minbase", release, unfinished, ...sources], {
      env: { SOURCE_DATE_EPOCH: String(releases[release].epoch), LC_ALL: "C.UTF-8" },
      timeoutMs: APT_LIMIT_MS,
      logPath: log,
    });
    renameSync(unfinished, tar);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return tar;
}

/** Path of the tar file of {@link baseRootfs} when it need not be made, else `null`. */
export function keptRootfs(release: Release): string | null {
  const tar = rootfsPath(release);
  return existsSync(tar) && Date.now() - statSync(tar).mtimeMs < ROOTFS_KEPT_MS ? tar : null;
}

/** The path of a kept file system: another one for each named mirror, because its sources.list holds the mirror. */
export function rootfsPath(release: Release, mirror = process.env.DEBIAN_MIRROR): string {
  const of = mirror === undefined ? "" : `-${createHash("sha256").update(mirror).digest("hex").slice(0, 8)}`;
  return join(cacheDir, "rootfs", `${release}${of}.tar`);
}

/** Debian mirrors by URI. */
export interface Mirrors {
  readonly main: string;
  /** Of the security updates; `null` when this machine has none. */
  readonly security: string | null;
}

/** The Debian mirrors that this machine's apt uses, `DEBIAN_MIRROR` before them; `null` when there is none. */
export async function debianMirrors(): Promise<Mirrors | null> {
  const named = process.env.DEBIAN_MIRROR;
  if (named !== undefined) return { main: named, security: null };
  const targets = ["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Identifier: Packages"];
  const known = mirrorsIn((await run("apt-get", targets)).stdout);
  if (known !== null) return known;
  // apt tells an archive's origin only once it has its lists.
  await run("apt-get", ["-qq", "update"], { timeoutMs: APT_LIMIT_MS, logPath: logPath("apt") });
  return mirrorsIn((await run("apt-get", targets)).stdout);
}

/** @param targets lines `Debian Debian URI` and `Debian Debian-Security URI`, as apt-get indextargets tells them */
export function mirrorsIn(targets: string): Mirrors | null {
  const main = /^Debian Debian (\S+)$/m.exec(targets)?.[1];
  if (main === undefined) return null;
  return { main, security: /^Debian Debian-Security (\S+)$/m.exec(targets)?.[1] ?? null };
}

/** Lines of a sources.list; none, which leaves mmdebstrap its default, when there is no mirror. */
export function sourcesList(release: Release, mirrors: Mirrors | null): string[] {
  if (mirrors === null) return [];
  const lines = [`deb ${mirrors.main} ${release} main`, `deb ${mirrors.main} ${release}-updates main`];
  return mirrors.security === null ? lines : [...lines, `deb ${mirrors.security} ${release}-security main`];
}

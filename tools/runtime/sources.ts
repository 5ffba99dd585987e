import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, runOrThrow } from "../../host/command.ts";
import { debianMirrors, needDebianPackages } from "../debian.ts";
import { logPath, say } from "../setup/places.ts";
import { type Arch, toolchains } from "./arch.ts";
import { cached, digest } from "./cached.ts";

/** What the binary is built from, unpacked. */
export interface Sources {
  /** Directory of QuickJS's source files. */
  readonly quickjs: string;
  /** Root directories of Debian's musl-dev packages. */
  readonly musl: Readonly<Record<Arch, string>>;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const APT_LIMIT_MS = 10 * 60_000;
/** Change it when sources must be fetched again. */
const EDITION = "trixie quickjs musl-dev 1";

/** QuickJS and musl of Debian 13, fetched once through an apt state of our own: nothing of it is installed. */
export async function fetchSources(): Promise<Sources> {
  const dir = await cached("sources", digest(EDITION), async (path) => {
    await needDebianPackages(["debian-archive-keyring", "xz-utils"]);
    mkdirSync(path);
    await fetchInto(path);
  });
  const quickjs = readdirSync(join(dir, "src")).find((name) => name.startsWith("quickjs-"));
  if (quickjs === undefined) throw new Error(`cannot find QuickJS in ${dir}/src: remove ${dir} and build again`);
  return { quickjs: join(dir, "src", quickjs), musl: { amd64: join(dir, "amd64"), arm64: join(dir, "arm64") } };
}

async function fetchInto(dir: string): Promise<void> {
  const log = logPath("apt-sources");
  const apt = join(dir, "apt");
  const options = {
    cwd: apt,
    env: { APT_CONFIG: join(apt, "apt.conf"), LC_ALL: "C.UTF-8" },
    timeoutMs: APT_LIMIT_MS,
    logPath: log,
  };
  for (const name of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(apt, name), { recursive: true });
  writeFileSync(join(apt, "apt.conf"), aptConfig(apt));
  writeFileSync(join(apt, "status"), "");
  const mirrors = await debianMirrors();
  if (mirrors === null)
    throw new Error("cannot find a Debian mirror: apt here knows none; set DEBIAN_MIRROR to one's URL");
  const source = `[signed-by=${KEYRING}] ${mirrors.main} trixie main`;
  writeFileSync(join(apt, "sources.list"), `deb ${source}\ndeb-src ${source}\n`);

  say(`fetching QuickJS and musl of Debian 13 (details in ${log})`);
  await runOrThrow("read Debian 13's package lists", "apt-get", ["update"], options);
  const debs = Object.keys(toolchains).map((arch) => `musl-dev:${arch}`);
  await runOrThrow("download musl", "apt-get", ["download", ...debs], options);
  await runOrThrow("download QuickJS", "apt-get", ["source", "--download-only", "quickjs"], options);
  for (const name of readdirSync(apt)) {
    const arch = /_(amd64|arm64)\.deb$/.exec(name)?.[1];
    if (arch !== undefined) await runOrThrow(`unpack ${name}`, "dpkg", ["-x", name, join(dir, arch)], options);
    if (!/\.orig\.tar\.\w+$/.test(name)) continue;
    mkdirSync(join(dir, "src"));
    await runOrThrow(`unpack ${name}`, "tar", ["-xf", name, "-C", join(dir, "src")], options);
  }
  await run("rm", ["-r", join(apt, "lists"), join(apt, "cache")]);
}

/** The machine's own apt settings (proxies and the like) stay in force; state and sources are ours. @see apt.conf(5) */
function aptConfig(dir: string): string {
  return `#clear APT::Architectures;
APT::Architectures { ${Object.keys(toolchains)
    .map((arch) => `"${arch}";`)
    .join(" ")} };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::sourcelist "${dir}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "${dir}/lists";
Dir::State::status "${dir}/status";
Dir::Cache "${dir}/cache";
`;
}

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../host/command.ts";
import { buildRuntime } from "../tools/build-runtime.ts";
import { hostArch } from "../tools/runtime/arch.ts";
import { top } from "../tools/setup/places.ts";

/** What `package.json` says of the whole. */
export const PROJECT = JSON.parse(readFileSync(join(top, "package.json"), "utf8")) as {
  readonly version: string;
  readonly license: string;
};

/** Arguments of `build` that write into an image what it is. @see https://specs.opencontainers.org/image-spec/annotations */
export function labels(title: string, version: string): string[] {
  const values = { title, version, licenses: PROJECT.license };
  return Object.entries(values).flatMap(([name, value]) => ["--label", `org.opencontainers.image.${name}=${value}`]);
}

/** Path of the binary that images get: the one that `SHIPSHAPE_BINARY` names, else one built now. */
export async function releaseBinary(): Promise<string> {
  return process.env.SHIPSHAPE_BINARY ?? buildRuntime({ arch: hostArch(), variant: "release" });
}

/** Time that an image's files get: of the last commit that changed its recipe; `SOURCE_DATE_EPOCH` overrules. */
export async function sourceDateEpoch(): Promise<number> {
  const { stdout } = await run("git", ["log", "-1", "--format=%ct", "--", "image"], { cwd: top });
  const epoch = process.env.SOURCE_DATE_EPOCH ?? stdout.trim();
  return /^\d+$/.test(epoch) ? Number(epoch) : 0;
}

/**
 * A build context as a tar file: `names` of the directory `from`, and whatever `fill` puts into an empty directory. Owners, modes,
 * order and times do not depend on the checkout, and the layers take them over.
 *
 * @param epoch what all files are dated, in seconds since 1970
 */
export function staged(
  epoch: number,
  from: string,
  names: readonly string[],
  fill: (directory: string) => void,
): Buffer {
  const normal = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX", `--mtime=@${epoch}`];
  const directory = mkdtempSync(join(tmpdir(), "shipshape-context-"));
  try {
    fill(directory);
    const sources = ["-C", from, ...names, "-C", directory, "."];
    return execFileSync("tar", ["--create", "--sort=name", ...normal, ...sources], { maxBuffer: 2 ** 30 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { baseImage } from "../tools/base-image.ts";
import { buildRuntime } from "../tools/build-runtime.ts";
import type { Release } from "../tools/debian.ts";
import { type Engine, withEngine } from "../tools/engine.ts";
import { hostArch } from "../tools/runtime/arch.ts";
import { run } from "../tools/setup/command.ts";
import { isMain } from "../tools/setup/main.ts";
import { logPath, say, seconds, top } from "../tools/setup/places.ts";
import { insecureKeyFiles } from "./insecure-key.ts";

/** The image that everything here is built `FROM`. */
export const BASE_IMAGE = "shipshape/baseimage";

const BUILD_LIMIT_MS = 15 * 60_000;
const ARCHIVE = join(top, "dist/image/baseimage.tar");
/** Official images whose place a file system from mmdebstrap takes where no registry is reached. */
const RELEASES: Readonly<Record<string, Release>> = { "debian:12": "bookworm", "debian:13": "trixie" };

export interface BuildOptions {
  /** Image to start from; `debian:12` and `debian:13`, which is the default, need no registry. */
  readonly from?: string;
  /** Name that the image gets; `shipshape/baseimage:latest` by default. */
  readonly tag?: string;
  /** `false` runs every step again. */
  readonly cached?: boolean;
  /** Build arguments of the Dockerfile, as `NAME=value`: `DISABLE_SSH=1`. */
  readonly buildArgs?: readonly string[];
}

/**
 * Builds the base image in an engine; quick when nothing has changed, because every step is in the engine's cache. The binary is built
 * for it, unless `SHIPSHAPE_BINARY` names one.
 *
 * @returns the image's id
 */
export async function buildBaseImage(engine: Engine, options: BuildOptions = {}): Promise<string> {
  const { from = "debian:13", tag = `${BASE_IMAGE}:latest`, cached = true, buildArgs = [] } = options;
  const binary = process.env.SHIPSHAPE_BINARY ?? (await buildRuntime({ arch: hostArch(), variant: "release" }));
  const release = RELEASES[from];
  const base = release === undefined ? from : await baseImage(engine, release);
  const epoch = await sourceDateEpoch();
  // Podman writes files of its own into the layers, and can date them.
  const dated = engine.program === "podman" ? ["--timestamp", String(epoch)] : [];
  const start = performance.now();
  await engine.runOrThrow(
    `build ${tag}`,
    [
      ["build", "--tag", tag, ...(cached ? [] : ["--no-cache"]), ...dated, ...engine.buildArgs],
      buildArgs.flatMap((arg) => ["--build-arg", arg]),
      ["--build-arg", `BASE_IMAGE=${base}`, "--build-arg", `SOURCE_DATE_EPOCH=${epoch}`, "-"],
    ].flat(),
    { input: context(binary, epoch), timeoutMs: BUILD_LIMIT_MS, logPath: logPath("build-image") },
  );
  const { stdout } = await engine.runOrThrow(`inspect ${tag}`, ["image", "inspect", "--format", "{{.Id}}", tag]);
  say(`${tag} built from ${base} in ${seconds(performance.now() - start)}`);
  return stdout.trim();
}

/**
 * The build context as a tar file: the Dockerfile, `rootfs/`, what is computed below `generated/`, the binary below `init/`. Owners,
 * modes, order and times do not depend on the checkout, and the layers take them over.
 */
function context(binary: string, epoch: number): Buffer {
  const normal = [
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
    `--mtime=@${epoch}`,
  ];
  const staged = mkdtempSync(join(tmpdir(), "shipshape-context-"));
  try {
    // As a tree: a directory that is copied keeps its time, one that only receives a file does not.
    mkdirSync(join(staged, "init/usr/sbin"), { recursive: true });
    copyFileSync(binary, join(staged, "init/usr/sbin/shipshape"));
    mkdirSync(join(staged, "generated/etc"), { recursive: true });
    for (const [name, text] of Object.entries(insecureKeyFiles()))
      writeFileSync(join(staged, "generated/etc", name), text);
    const sources = ["-C", join(top, "image"), "Dockerfile", "rootfs", "-C", staged, "generated", "init"];
    return execFileSync("tar", ["--create", ...normal, ...sources], { maxBuffer: 2 ** 30 });
  } finally {
    rmSync(staged, { recursive: true });
  }
}

/** Time that the image's files get: of the last commit that changed its recipe; `SOURCE_DATE_EPOCH` overrules. */
async function sourceDateEpoch(): Promise<number> {
  const { stdout } = await run("git", ["log", "-1", "--format=%ct", "--", "image"], { cwd: top });
  const epoch = process.env.SOURCE_DATE_EPOCH ?? stdout.trim();
  return /^\d+$/.test(epoch) ? Number(epoch) : 0;
}

/** Writes an image as docker-archive to `dist/image/`, unless the file there is of this very image. */
async function saveArchive(engine: Engine, tag: string, id: string): Promise<void> {
  const idFile = `${ARCHIVE}.id`;
  if (existsSync(ARCHIVE) && existsSync(idFile) && readFileSync(idFile, "utf8") === id) return;
  mkdirSync(join(ARCHIVE, ".."), { recursive: true });
  const unfinished = `${ARCHIVE}.${process.pid}`;
  const format = engine.program === "podman" ? ["--format", "docker-archive"] : [];
  try {
    await engine.runOrThrow(`save ${tag}`, ["save", ...format, "--output", unfinished, tag]);
    renameSync(unfinished, ARCHIVE);
    writeFileSync(idFile, id);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { base: { type: "string" }, tag: { type: "string" }, "build-arg": { type: "string", multiple: true } },
  });
  const tag = values.tag ?? `${BASE_IMAGE}:latest`;
  await withEngine(async (engine) => {
    const id = await buildBaseImage(engine, {
      from: values.base ?? "debian:13",
      tag,
      buildArgs: values["build-arg"] ?? [],
    });
    await saveArchive(engine, tag, id);
    console.log(`${tag} is in ${engine.program}, and in ${ARCHIVE} (${Math.round(statSync(ARCHIVE).size / 1e6)} MB)`);
  });
}

if (isMain(import.meta.url)) {
  main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { baseImage } from "../tools/containers/base-image.ts";
import { withEngine } from "../tools/containers/open-engine.ts";
import type { Release } from "../tools/debian.ts";
import { isMain } from "../tools/setup/main.ts";
import { logPath, say, seconds, top } from "../tools/setup/places.ts";
import { labels, PROJECT, releaseBinary, sourceDateEpoch, staged } from "./context.ts";
import { buildInitImage } from "./init-image.ts";
import { insecureKeyFiles } from "./insecure-key.ts";

/** The image that everything here is built `FROM`. */
export const BASE_IMAGE = "shipshape/baseimage";
/** `full` takes the original's place, with the packages that it has; `small` has none of Debian's. @see docs/decisions/0009-two-variants.md */
export const variants = ["full", "small"] as const;
export type Variant = (typeof variants)[number];

const USAGE = `usage: npm run build:image -- [--base IMAGE] [--variant ${variants.join("|")}] [--tag NAME] [--build-arg NAME=VALUE]...
More: docs/reference/image.md`;

const BUILD_LIMIT_MS = 15 * 60_000;
/** Official images whose place a file system from mmdebstrap takes where no registry is reached. */
const RELEASES: Readonly<Record<string, Release>> = { "debian:12": "bookworm", "debian:13": "trixie" };

export interface BuildOptions {
  /** Image to start from; `debian:12` and `debian:13`, which is the default, need no registry. */
  readonly from?: string;
  /** `full` by default. */
  readonly variant?: Variant;
  /** Name that the image gets; by default `shipshape/baseimage:latest`, of the small variant `shipshape/baseimage:small`. */
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
export async function buildBaseImage(engine: HostEngine, options: BuildOptions = {}): Promise<string> {
  const { from = "debian:13", variant = "full", cached = true, buildArgs = [] } = options;
  const tag = options.tag ?? imageName(variant);
  const release = RELEASES[from];
  // One mostly computes, the other mostly waits for a mirror.
  const [binary, base] = await Promise.all([
    releaseBinary(),
    release === undefined ? from : baseImage(engine, release),
  ]);
  const epoch = await sourceDateEpoch();
  // Podman writes files of its own into the layers, and can date them.
  const dated = engine.program === "podman" ? ["--timestamp", String(epoch)] : [];
  const start = performance.now();
  await engine.runOrThrow(
    `build ${tag}`,
    [
      ["build", "--tag", tag, ...(cached ? [] : ["--no-cache"]), ...dated, ...engine.buildArgs],
      labels(BASE_IMAGE, variant === "full" ? PROJECT.version : `${PROJECT.version}-${variant}`),
      [`BASE_IMAGE=${base}`, `SOURCE_DATE_EPOCH=${epoch}`, `VARIANT=${variant}`, ...buildArgs].flatMap((arg) => [
        "--build-arg",
        arg,
      ]),
      "-",
    ].flat(),
    { input: context(binary, epoch, buildArgs), timeoutMs: BUILD_LIMIT_MS, logPath: logPath("build-image") },
  );
  const { stdout } = await engine.runOrThrow(`inspect ${tag}`, ["image", "inspect", "--format", "{{.Id}}", tag]);
  say(`${tag} built from ${base} in ${seconds(performance.now() - start)}`);
  return stdout.trim();
}

/** The image's name when nobody asks for another one. */
export function imageName(variant: Variant): string {
  return `${BASE_IMAGE}:${variant === "full" ? "latest" : variant}`;
}

/** The build context: the Dockerfile, `rootfs/`, the `parts/` that no `DISABLE_NAME=1` leaves out as one, the binary below `init/`. */
function context(binary: string, epoch: number, buildArgs: readonly string[]): Buffer {
  const image = join(top, "image");
  return staged(epoch, image, ["Dockerfile", "rootfs"], (directory) => {
    mkdirSync(join(directory, "init/usr/sbin"), { recursive: true });
    copyFileSync(binary, join(directory, "init/usr/sbin/shipshape"));
    const parts = join(directory, "parts");
    mkdirSync(parts);
    const disabled = (name: string): boolean => buildArgs.includes(`DISABLE_${name.toUpperCase()}=1`);
    for (const name of readdirSync(join(image, "parts")))
      if (!disabled(name)) cpSync(join(image, "parts", name), parts, { recursive: true, verbatimSymlinks: true });
    if (disabled("ssh")) return;
    for (const [name, text] of Object.entries(insecureKeyFiles())) writeFileSync(join(parts, "etc", name), text);
  });
}

/** Name of the file that an image is saved in: the default one is for the default image. */
export function archiveName(variant: Variant, tag?: string): string {
  if (tag !== undefined) return `${tag.replaceAll(/[^\w.-]+/g, "-")}.tar`;
  return variant === "full" ? "baseimage.tar" : `baseimage-${variant}.tar`;
}

/** Writes an image as docker-archive, unless the file there is of this very image. */
async function saveArchive(engine: HostEngine, tag: string, id: string, archive: string): Promise<void> {
  const idFile = `${archive}.id`;
  if (existsSync(archive) && existsSync(idFile) && readFileSync(idFile, "utf8") === id) return;
  mkdirSync(join(archive, ".."), { recursive: true });
  const unfinished = `${archive}.${process.pid}`;
  const format = engine.program === "podman" ? ["--format", "docker-archive"] : [];
  try {
    await engine.runOrThrow(`save ${tag}`, ["save", ...format, "--output", unfinished, tag]);
    renameSync(unfinished, archive);
    writeFileSync(idFile, id);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      base: { type: "string", default: "debian:13" },
      variant: { type: "string", default: "full" },
      tag: { type: "string" },
      "build-arg": { type: "string", multiple: true, default: [] },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const variant = variants.find((name) => name === values.variant);
  if (variant === undefined)
    throw new Error(`cannot build the variant "${values.variant}": it is one of ${variants.join(", ")}`);
  const tag = values.tag ?? imageName(variant);
  const archive = join(top, "dist/image", archiveName(variant, values.tag));
  await withEngine(async (engine) => {
    const id = await buildBaseImage(engine, { from: values.base, variant, tag, buildArgs: values["build-arg"] });
    // A name of their own is for an image of their own: the others stay as they are.
    if (values.tag === undefined) await buildInitImage(engine);
    await saveArchive(engine, tag, id, archive);
    console.log(`${tag} is in ${engine.program}, and in ${archive} (${Math.round(statSync(archive).size / 1e6)} MB)`);
  });
}

if (isMain(import.meta.url)) {
  main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

import { statSync } from "node:fs";
import { baseRootfs, type Release, releases } from "./debian.ts";
import type { Engine } from "./engine.ts";
import { say } from "./setup/places.ts";

/** How long a registry may take to say that it has the image. */
const REGISTRY_ANSWER_MS = 10_000;
const PULL_LIMIT_MS = 5 * 60_000;
/** What docker or podman print once the registry has answered. */
const REGISTRY_ANSWERED = /Pulling from|Getting image source|Copying blob/;

/**
 * An image of a minimal Debian in the engine: the official one when the engine has it or can pull it, else one made here by
 * mmdebstrap.
 * @returns its reference, for `--build-arg BASE_IMAGE=…`
 */
export async function baseImage(engine: Engine, release: Release): Promise<string> {
  const official = `debian:${releases[release].version}`;
  if ((await engine.run(["image", "inspect", official])).code === 0) return official;
  if (await pull(engine, official)) return official;
  return importRootfs(engine, release);
}

async function pull(engine: Engine, reference: string): Promise<boolean> {
  say(`pulling ${reference}`);
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), REGISTRY_ANSWER_MS);
  const { code } = await engine.run(["pull", reference], {
    timeoutMs: PULL_LIMIT_MS,
    signal: silence.signal,
    onOutput: (text) => REGISTRY_ANSWERED.test(text) && clearTimeout(timer),
  });
  clearTimeout(timer);
  if (code !== 0) say(`no registry gives ${reference}: it is made here instead`);
  return code === 0;
}

async function importRootfs(engine: Engine, release: Release): Promise<string> {
  const reference = `shipshape/debian:${releases[release].version}`;
  const tar = await baseRootfs(release);
  const made = String(Math.floor(statSync(tar).mtimeMs));
  const format = '{{index .Config.Labels "shipshape.made"}}';
  const present = await engine.run(["image", "inspect", "--format", format, reference]);
  if (present.stdout.trim() === made) return reference;
  await engine.runOrThrow(`import ${tar} as ${reference}`, [
    "import",
    `--change=LABEL shipshape.made=${made}`,
    '--change=CMD ["bash"]',
    tar,
    reference,
  ]);
  return reference;
}

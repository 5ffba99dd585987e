import { statSync } from "node:fs";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { baseRootfs, keptRootfs, type Release, releases } from "../debian.ts";
import { say } from "../setup/places.ts";

/** How long a registry may take to say that it has the image. */
const REGISTRY_ANSWER_MS = 10_000;
const PULL_LIMIT_MS = 5 * 60_000;
/** Label with the date of the tar file that an image was made of. */
const MADE = "shipshape.made";
/** What docker or podman print once the registry has answered. */
const REGISTRY_ANSWERED = /Pulling from|Getting image source|Copying blob/;

/**
 * An image of a minimal Debian in the engine: the official one when the engine has it or can pull it, else one made here by
 * mmdebstrap. While that one is young no registry is asked again.
 * @returns its reference, for `--build-arg BASE_IMAGE=…`
 */
export async function baseImage(engine: HostEngine, release: Release): Promise<string> {
  const official = `debian:${releases[release].version}`;
  if ((await engine.run(["image", "inspect", official])).code === 0) return official;
  const made = `shipshape/debian:${releases[release].version}`;
  const kept = keptRootfs(release);
  if (kept !== null && (await isFrom(engine, made, kept))) return made;
  if (await pull(engine, official)) return official;
  const tar = await baseRootfs(release);
  if (!(await isFrom(engine, made, tar))) await importRootfs(engine, made, tar);
  return made;
}

async function pull(engine: HostEngine, reference: string): Promise<boolean> {
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

/** Whether the image is there and made of this very tar file. */
async function isFrom(engine: HostEngine, reference: string, tar: string): Promise<boolean> {
  const format = `{{index .Config.Labels "${MADE}"}}`;
  const { stdout } = await engine.run(["image", "inspect", "--format", format, reference]);
  return stdout.trim() === dateOf(tar);
}

async function importRootfs(engine: HostEngine, reference: string, tar: string): Promise<void> {
  await engine.runOrThrow(`import ${tar} as ${reference}`, [
    "import",
    `--change=LABEL ${MADE}=${dateOf(tar)}`,
    '--change=CMD ["bash"]',
    tar,
    reference,
  ]);
}

function dateOf(tar: string): string {
  return String(Math.floor(statSync(tar).mtimeMs));
}

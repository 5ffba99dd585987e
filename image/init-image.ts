import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { logPath, top } from "../tools/setup/places.ts";
import { labels, PROJECT, releaseBinary, sourceDateEpoch, staged } from "./context.ts";

/** The image with nothing but the init in it, for `COPY --from=shipshape/init / /`. */
export const INIT_IMAGE = "shipshape/init";

/** The commands that the binary is in any image, by the links beside it. */
export const INIT_COMMANDS = ["my_init", "sv", "chpst", "setuser"] as const;

const BUILD_LIMIT_MS = 5 * 60_000;

/** Builds the image `shipshape/init` in an engine. @see docs/reference/init-image.md */
export async function buildInitImage(engine: HostEngine, tag = `${INIT_IMAGE}:latest`): Promise<void> {
  const binary = await releaseBinary();
  const epoch = await sourceDateEpoch();
  const context = staged(epoch, top, [], (directory) => {
    // No /sbin, /bin or /lib: where they are links, builders differ in what a directory copied over them does.
    const place = join(directory, "init/usr/bin");
    mkdirSync(place, { recursive: true });
    copyFileSync(binary, join(place, "shipshape"));
    for (const name of INIT_COMMANDS) symlinkSync("shipshape", join(place, name));
    writeFileSync(join(directory, "Dockerfile"), "FROM scratch\nCOPY init/ /\n");
  });
  const dated = engine.program === "podman" ? ["--timestamp", String(epoch)] : [];
  const said = labels(INIT_IMAGE, PROJECT.version);
  await engine.runOrThrow(`build ${tag}`, ["build", "--tag", tag, ...said, ...dated, "-"], {
    input: context,
    timeoutMs: BUILD_LIMIT_MS,
    logPath: logPath("build-init-image"),
  });
}

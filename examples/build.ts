import { join } from "node:path";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { logPath, say, seconds, top } from "../tools/setup/places.ts";

/** The examples that are images, by their directory below `examples/`. */
export type Example = "old-style" | "naive";

const BUILD_LIMIT_MS = 15 * 60_000;
const PROGRESS_EVERY_MS = 5000;

/**
 * Builds an example's image, as `docker build --file examples/NAME/Dockerfile examples` does. `shipshape/baseimage:small` has to be in
 * the engine.
 *
 * @returns the image's name
 */
export async function buildExample(engine: HostEngine, example: Example): Promise<string> {
  const image = `shipshape/example-${example}`;
  const log = logPath(`build-${example}`);
  const directory = join(top, "examples");
  const start = performance.now();
  say(`building ${image} from examples/${example}/Dockerfile (details in ${log})`);
  let step = "";
  const progress = setInterval(() => say(`  ${seconds(performance.now() - start)}: ${step}`), PROGRESS_EVERY_MS);
  try {
    await engine.runOrThrow(
      `build ${image}`,
      ["build", "--tag", image, ...engine.buildArgs, "--file", join(directory, example, "Dockerfile"), directory],
      {
        timeoutMs: BUILD_LIMIT_MS,
        logPath: log,
        onOutput: (text) => {
          // "Step 3/13 : RUN …" of the classic builder, "#7 [3/9] RUN …" of BuildKit, "STEP 3/13: RUN …" of Podman.
          step = text.match(/^(?:step|#\d+ \[).*/gim)?.at(-1) ?? step;
        },
      },
    );
  } finally {
    clearInterval(progress);
  }
  say(`  built in ${seconds(performance.now() - start)}`);
  return image;
}

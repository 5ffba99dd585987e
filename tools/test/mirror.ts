import { type CommandResult, lastLines } from "../../host/command.ts";
import { runContainer } from "../../host/engines/container.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { baseImage } from "../containers/base-image.ts";

const PROBE_LIMIT_MS = 180_000;
/** Prints the address of the first file that `apt-get update` reads, and fetches that file, by the same methods. */
const PROBE = `
uri=$(apt-get --print-uris update | grep -o "[^']*/InRelease" | head -n 1)
echo "$uri"
[ -z "$uri" ] || exec /usr/lib/apt/apt-helper -o Acquire::Retries=3 download-file "$uri" /tmp/InRelease >&2`;

/**
 * Makes sure that a container, as the tests start it, reaches the mirror from which tests and images install packages.
 * @throws in one line when it does not: the tests behind it would fail as if the product had
 */
export async function needMirror(engine: HostEngine): Promise<void> {
  const image = await baseImage(engine, "trixie");
  const trouble = mirrorTrouble(await runContainer(engine, [image, "sh", "-c", PROBE], { timeoutMs: PROBE_LIMIT_MS }));
  if (trouble !== null) throw new Error(trouble);
}

/** Reads the probe's answer: `null` when the mirror is reached, else what was tried, what came back and what to do. */
export function mirrorTrouble({ code, stdout, stderr }: CommandResult): string | null {
  const uri = stdout.trim();
  if (code === 0 && uri !== "") return null;
  const said = /^E: Failed to fetch \S+\s+(.*)$/m.exec(stderr)?.[1] ?? lastLines(stderr, 1);
  if (uri === "" && code === 0) return `cannot ask a Debian mirror from a container: apt knows none there; ${CURE}`;
  const tried = uri === "" ? "a Debian mirror" : JSON.stringify(uri);
  // Not everything a container writes may reach a terminal.
  const reason = said.replaceAll(/[^\x20-\x7e]/g, "?") || `status ${code}`;
  return `cannot reach ${tried} from a container: ${reason}; ${CURE}`;
}

const CURE =
  "no test of the product has failed: see that containers have a network and a name server, or name a mirror that they reach, DEBIAN_MIRROR=URL";

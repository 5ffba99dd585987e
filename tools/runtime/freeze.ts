import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const MAGIC = Buffer.from("shipshape image\0");
const FREEZE_LIMIT_MS = 60_000;

/**
 * Puts the heap of an applet whose script is evaluated into the binary, as `main.c` and `heap.c` describe.
 *
 * @param binary path of the linked binary, which can run with the words of `runner` before it
 * @param output path of the binary with the image
 */
export function freeze(binary: string, applet: string, runner: readonly string[], output: string): void {
  const [command = binary, ...args] = [...runner, binary, "--freeze", applet];
  const image = execFileSync(command, args, { maxBuffer: 1 << 24, timeout: FREEZE_LIMIT_MS });
  const content = readFileSync(binary);
  const at = content.indexOf(MAGIC);
  if (at < 0 || content.indexOf(MAGIC, at + 1) >= 0)
    throw new Error(`cannot freeze ${binary}: it has no single place for an image`);
  image.copy(content, at);
  writeFileSync(output, content, { mode: 0o755 });
}

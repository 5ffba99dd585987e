import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";

const MAGIC = Buffer.from("shipshape image\0");
const FREEZE_LIMIT_MS = 60_000;

/**
 * Puts the heap of an applet whose script is evaluated into the binary, as `main.c` and `heap.c` describe.
 *
 * @param command makes the binary write that heap
 * @param bytecode file of the script, the command's stdin
 * @param output path of the binary with the heap
 */
export function freeze(command: readonly string[], bytecode: string, binary: string, output: string): void {
  const [program = "", ...args] = command;
  const stdin = openSync(bytecode, "r");
  const options = { maxBuffer: 1 << 24, timeout: FREEZE_LIMIT_MS };
  const image = execFileSync(program, args, { ...options, stdio: [stdin, "pipe", "inherit"] });
  closeSync(stdin);
  const content = readFileSync(binary);
  const at = content.indexOf(MAGIC);
  if (at < 0 || content.indexOf(MAGIC, at + 1) >= 0)
    throw new Error(`cannot freeze ${binary}: it has no single place for an image`);
  image.copy(content, at);
  writeFileSync(output, content, { mode: 0o755 });
}

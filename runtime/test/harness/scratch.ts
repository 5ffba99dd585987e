import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "shipshape-box-";
const mine = new Set<string>();
let prepared = false;

/** A new directory, gone at the latest when this process ends; if that is killed, when the next one asks for one. */
export function scratch(): string {
  if (!prepared) prepare();
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  mine.add(directory);
  return directory;
}

/** Removes a directory of {@link scratch}. */
export function discard(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mine.delete(directory);
}

function prepare(): void {
  prepared = true;
  process.once("exit", () => {
    for (const directory of mine) discard(directory);
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : process.pid;
    if (!existsSync(`/proc/${owner}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

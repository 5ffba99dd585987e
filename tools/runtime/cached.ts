import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../setup/places.ts";

/** Hex digest of everything that decides a result, one after the other. */
export function digest(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest("hex").slice(0, 24);
}

/**
 * The path of a file or directory that `make` leaves at the path it gets, made once per key: under its final name it is complete.
 *
 * @param name readable end of the file name, extension included
 * @param key {@link digest} of everything that decides the content
 */
export async function cached(name: string, key: string, make: (path: string) => Promise<void>): Promise<string> {
  const dir = join(cacheDir, "runtime");
  const path = join(dir, `${key}-${name}`);
  if (existsSync(path)) return path;
  mkdirSync(dir, { recursive: true });
  const unfinished = join(dir, `${process.pid}-${key}-${name}`);
  try {
    await make(unfinished);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return path;
}

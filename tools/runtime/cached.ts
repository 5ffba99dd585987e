import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheDir } from "../setup/places.ts";

const CACHE = join(cacheDir, "runtime");
const KEPT_MS = 7 * 24 * 3600_000;

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
export function cached(name: string, key: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(CACHE, `${key}-${name}`);
  const running = making.get(path) ?? makeOnce(path, make);
  making.set(path, running);
  return running;
}

const making = new Map<string, Promise<string>>();

async function makeOnce(path: string, make: (path: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) {
    utimesSync(path, new Date(), new Date());
    return path;
  }
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = join(dirname(path), `${process.pid}-${basename(path)}`);
  try {
    await make(unfinished);
    renameSync(unfinished, path);
  } catch (error) {
    // Another build may have been faster: its directory cannot be replaced, and need not be.
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return path;
}

/** Removes what no build has asked for in this time. */
export function pruneCache(keptMs = KEPT_MS): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > keptMs) rmSync(path, { recursive: true, force: true });
  }
}

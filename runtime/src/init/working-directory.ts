import { isDirectory } from "../base/files.ts";
import type { Bytes } from "../sys.ts";
import { advance, type Core } from "./core.ts";

/** A longer path has no room in the journal; then the init stays where it is. */
const MAX_PATH_BYTES = 100;

/**
 * Moves the init to `/` once startup files and the main command have been started where the container was: whoever wants to unmount or
 * remove that directory is not kept from it. Hooks are still started there.
 */
export function leaveDirectory(core: Core): void {
  const { sys } = core;
  const path = sys.realpath(".");
  if (typeof path === "number" || path === "/" || JSON.stringify(path).length > MAX_PATH_BYTES) return;
  // A user who may not enter it was put there by the engine, and could not go back.
  if (sys.access(path, 1) < 0 || sys.chdir("/") < 0) return;
  advance(core, { directory: path });
}

/** Returns where a hook is started: `""` for where the init is. */
export function workingDirectory({ sys, record }: Core): Bytes {
  return record.directory !== "" && isDirectory(sys, record.directory) ? record.directory : "";
}

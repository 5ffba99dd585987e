import type { Bytes, Sys } from "../sys.ts";

const OTHERS_MAY_WRITE = 0o022;

/**
 * Why a file must not be made or taken away by its name in `directory`: somebody else could lead the name elsewhere meanwhile. `null` when
 * nobody but root and this process's user may change the directory and those above it; `-errno` when it cannot be looked at.
 */
export function distrust(sys: Sys, directory: Bytes): string | number | null {
  const real = sys.realpath(directory);
  if (typeof real === "number") return real;
  for (let path = real; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    const stat = sys.stat(path);
    if (typeof stat === "number") return stat;
    if (stat.uid !== 0 && stat.uid !== sys.getuid()) return `${path} belongs to uid ${stat.uid}: chown root ${path}`;
    if ((stat.mode & OTHERS_MAY_WRITE) !== 0) return `others than root may write to ${path}: chmod go-w ${path}`;
  }
  return null;
}

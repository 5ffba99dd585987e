import { type Bytes, Errno, Mode, type Stat, type Sys } from "../sys.ts";
import { containerStartMs } from "./this-container.ts";

/**
 * What is in the place of a socket that this process wants to bind:
 * - `free`: nothing.
 * - `alive`: a socket, or a link to one, that somebody answers at.
 * - `left`: a dead socket or link that this container left behind; it may be taken away.
 * - `foreign`: a dead socket from before the container, in a mounted directory: its owner may come back.
 * - `other`: something else than a socket or a link.
 */
export type Occupant = "free" | "alive" | "left" | "foreign" | "other";

/** Errors of a connection to a name that nobody answers at; any other means that there is somebody. */
const DEAD: readonly number[] = [-Errno.ECONNREFUSED, -Errno.ENOENT, -Errno.ENOTDIR, -Errno.ELOOP];

/** Looks who has the place of a datagram socket. Changes nothing. */
export function occupantOf(sys: Sys, path: Bytes): Occupant {
  const there = sys.lstat(path);
  if (typeof there === "number") return "free";
  const type = there.mode & Mode.TypeMask;
  if (type !== Mode.Socket && type !== Mode.Link) return "other";
  const connection = sys.unixConnectDatagram(path);
  if (connection >= 0) sys.close(connection);
  if (!DEAD.includes(connection)) return "alive";
  return isOurs(sys, path, there) ? "left" : "foreign";
}

/** Whether `there` belongs to this container: its directory is on the container's own root, or it was made since the container started. */
function isOurs(sys: Sys, path: Bytes, there: Stat): boolean {
  const root = sys.stat("/");
  const directory = sys.stat(path.slice(0, path.lastIndexOf("/")) || "/");
  if (typeof root !== "number" && typeof directory !== "number" && root.dev === directory.dev) return true;
  return there.mtimeMs >= containerStartMs(sys);
}

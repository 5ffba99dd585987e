import { type Bytes, Errno, Mode, Open, type Sys } from "../sys.ts";

const CHUNK_BYTES = 65536;

/** Everything in the file, at most `maxBytes`; `-EFBIG`'s place is taken by truncation. `-errno` when it cannot be read. */
export function readFile(sys: Sys, path: Bytes, maxBytes = 1 << 20): Bytes | number {
  // A FIFO without a writer must not stop PID 1.
  const fd = sys.open(path, Open.Read | Open.NonBlock, 0);
  if (fd < 0) return fd;
  let content = "";
  while (content.length < maxBytes) {
    const chunk = sys.read(fd, Math.min(CHUNK_BYTES, maxBytes - content.length));
    if (typeof chunk === "number") {
      sys.close(fd);
      return chunk;
    }
    if (chunk === "") break;
    content += chunk;
  }
  sys.close(fd);
  return content;
}

/** Writes all of `data`; 0 or `-errno` (a short write on a full disk is `-ENOSPC`). */
export function writeAll(sys: Sys, fd: number, data: Bytes): number {
  let rest = data;
  while (rest !== "") {
    const written = sys.write(fd, rest);
    if (written === -Errno.EINTR) continue;
    if (written < 0) return written;
    if (written === 0) return -Errno.ENOSPC;
    rest = rest.slice(written);
  }
  return 0;
}

/** Creates or truncates `path`; 0 or `-errno`. */
export function writeFile(sys: Sys, path: Bytes, data: Bytes, mode: number): number {
  const fd = sys.open(path, Open.Write | Open.Create | Open.Truncate, mode);
  if (fd < 0) return fd;
  const result = writeAll(sys, fd, data);
  sys.close(fd);
  return result;
}

/** Owner and permissions of a file that {@link replaceFile} makes where none was. */
export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file so that a reader sees the old content or the new, never a part: temporary file, then `rename(2)`. Mode and
 * owner of a file that is there are kept. A file that cannot be renamed over (a bind mount) is written in place.
 * @returns 0 or `-errno`
 */
export function replaceFile(sys: Sys, path: Bytes, data: Bytes, fresh: Ownership): number {
  const old = sys.stat(path);
  const owner = typeof old === "number" ? fresh : old;
  const temporary = `${path}.new`;
  // Whatever an interrupted write or somebody else left under that name must not be written through.
  sys.unlink(temporary);
  const fd = sys.open(temporary, Open.Write | Open.Create | Open.Exclusive, 0o600);
  let result = fd;
  if (fd >= 0) {
    result = writeAll(sys, fd, data);
    sys.close(fd);
    if (result === 0) {
      // Without root the owner stays ours; the content still counts.
      sys.chown(temporary, owner.uid, owner.gid);
      sys.chmod(temporary, owner.mode & 0o7777);
      result = sys.rename(temporary, path);
    }
    if (result < 0) sys.unlink(temporary);
  }
  // On a full disk that would lose the old content too.
  const inPlace = result < 0 && result !== -Errno.ENOSPC && typeof old !== "number";
  return inPlace ? writeFile(sys, path, data, 0o600) : result;
}

/** True for a directory, symbolic links followed. */
export function isDirectory(sys: Sys, path: Bytes): boolean {
  const stat = sys.stat(path);
  return typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Directory;
}

/** True for a regular file (symbolic links followed) that this user may execute. */
export function isExecutable(sys: Sys, path: Bytes): boolean {
  const stat = sys.stat(path);
  return typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular && sys.access(path, 1) === 0;
}

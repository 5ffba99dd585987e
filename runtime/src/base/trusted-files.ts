import { type Bytes, Errno, Mode, Open, type Stat, type Sys } from "../sys.ts";

const STICKY = 0o1000;
/** Write permission of group and others. */
const OTHERS_WRITE = 0o022;
/** Most links on the way to a file. @see path_resolution(7) */
const MAX_LINKS = 40;

/** A file's place, with no link in it that others could have made. */
interface Place {
  readonly path: Bytes;
  /** The file's directory when others than root may write it, else `null`. */
  readonly open: Stat | null;
}

/**
 * Opens a file for root below a directory that others may write, where they could put a link to any other file in its place. The
 * directories above the file's own have to be root's. In one that others may write no link is followed, and only a regular file with one
 * name is taken, which belongs to root or to the directory's owner. A process that is not root opens the file as it is.
 *
 * @param flags without {@link Open.Truncate}, which would come before the look
 * @returns a descriptor, `-errno`, or the reason for a refusal
 */
export function openTrusted(sys: Sys, path: Bytes, flags: number, mode: number): number | Bytes {
  const place = placeOf(sys, path);
  if (typeof place === "string") return place;
  const fd = sys.open(place.path, flags | Open.NonBlock | (place.open === null ? 0 : Open.NoFollow), mode);
  if (fd === -Errno.ELOOP && place.open !== null) return `"${path}" is a link in a directory that others may write`;
  const flaw = fd < 0 || place.open === null ? null : flawOf(sys, fd, place.open);
  if (flaw === null) return fd;
  sys.close(fd);
  return `"${path}" ${flaw}, in a directory that others may write`;
}

/** Whether root may rename and remove files beside `path`: nobody else can lead these names elsewhere. */
export function isTrustedPlace(sys: Sys, path: Bytes): boolean {
  return typeof placeOf(sys, path) !== "string";
}

/** Gives an open file to a user and a group. */
export function chownOpen(sys: Sys, fd: number, uid: number, gid: number): number {
  return sys.chown(`/proc/self/fd/${fd}`, uid, gid);
}

function flawOf(sys: Sys, fd: number, directory: Stat): Bytes | null {
  const file = sys.stat(`/proc/self/fd/${fd}`);
  if (typeof file === "number") return `cannot be looked at (${sys.strerror(-file)})`;
  if ((file.mode & Mode.TypeMask) !== Mode.Regular) return "is not a regular file";
  if (file.links !== 1) return "has another name (a hard link)";
  if (file.uid !== 0 && file.uid !== directory.uid) return `belongs to user ${file.uid}`;
  return null;
}

/** Follows a path's links, or returns the reason why others could lead it elsewhere. */
function placeOf(sys: Sys, path: Bytes): Place | Bytes {
  if (sys.getuid() !== 0) return { path, open: null };
  const names = namesOf(path);
  let directory = "";
  for (let links = 0; ; ) {
    const name = names.shift() ?? ".";
    if (name === "..") {
      directory = directory.slice(0, Math.max(0, directory.lastIndexOf("/")));
      continue;
    }
    const stat = sys.stat(directory || "/");
    const open = typeof stat !== "number" && isOpen(stat) ? stat : null;
    const at = `${directory}/${name}`;
    const found = sys.lstat(at);
    if (typeof found !== "number" && (found.mode & Mode.TypeMask) === Mode.Link) {
      const target = sys.readlink(at);
      if (open !== null) return `"${at}" is a link in a directory that others may write`;
      if (typeof target === "number" || ++links > MAX_LINKS) return `the link "${at}" leads nowhere`;
      names.unshift(...namesOf(target));
      if (target.startsWith("/")) directory = "";
      continue;
    }
    if (names.length === 0) return { path: at, open };
    // Nobody can take away what is root's in a directory with the sticky bit.
    const kept = open !== null && (open.mode & STICKY) !== 0 && typeof found !== "number" && found.uid === 0;
    if (open !== null && !kept)
      return `others than root may write "${directory || "/"}" and put a link in the place of "${at}"; give it to root with mode 755`;
    directory = at;
  }
}

function namesOf(path: Bytes): Bytes[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function isOpen({ mode, uid }: Stat): boolean {
  return uid !== 0 || (mode & OTHERS_WRITE) !== 0;
}

import { type Bytes, Errno, Mode, Open, type Sys } from "../../sys.ts";
import type { Arena } from "../memory/arena.ts";
import { writeSpans } from "../memory/spans.ts";

/** As Debian has them: root writes, group adm reads. */
const MODE = 0o640;
export const ADM_GID = 4;
/** A file that could not be written is sound again after this time without a failure. */
const SOUND_MS = 1000;

/** A file that lines are appended to. It comes into being with its first line. */
export class LogFile {
  readonly #arena: Arena;
  readonly #warn: (text: string) => void;
  readonly path: Bytes;
  /** Where the arena holds its path: a note leads the next incarnation there. */
  readonly pathAt: number;
  #fd = -1;
  #ino = 0;
  /** It was told that the file cannot be written; since when it can again (0 while it cannot); what was lost, in lines. */
  #broken = false;
  #worksSince = 0;
  #lost = 0;
  size = 0;
  /** What was written last ended a line. */
  whole = true;

  /** @param warn hears once that the file cannot be written, and once that it can again */
  constructor(arena: Arena, path: Bytes, pathAt: number, warn: (text: string) => void) {
    this.#arena = arena;
    this.#warn = warn;
    this.path = path;
    this.pathAt = pathAt;
    if (arena.path(pathAt) !== path) arena.poke(pathAt, `${path}\0`);
  }

  /**
   * Opens the file when it is not open, or when another one, or none, has its name by now: what is written to one that logrotate has
   * moved is lost as soon as that is compressed. Its size, or `-errno`, which is told once.
   */
  prepare(lines: number): number {
    const { sys } = this.#arena;
    const named = this.#fd < 0 ? -Errno.ENOENT : sys.stat(this.path);
    if (typeof named !== "number" && named.ino === this.#ino) {
      this.size = named.size;
      return this.size;
    }
    this.close();
    this.#fd = openLog(sys, this.path);
    if (this.#fd < 0) {
      this.#fails(-this.#fd, lines);
      return this.#fd;
    }
    // Not by its name, which may be another's by now.
    const opened = sys.stat(`/proc/self/fd/${this.#fd}`);
    this.#ino = typeof opened === "number" ? 0 : opened.ino;
    // A pipe in its place has none.
    this.size = Math.max(0, sys.size(this.#fd));
    return this.size;
  }

  /** Appends a list of spans. */
  write(from: number, end: number, total: number, lines: number): void {
    const [done, errno] = writeSpans(this.#arena, this.#fd, from, end, 0, total);
    if (errno > 0) {
      // No half of a line stays behind.
      this.#arena.sys.ftruncate(this.#fd, this.size);
      this.#fails(errno, lines);
      return;
    }
    this.size += done;
    if (this.#broken) this.#recovers();
  }

  /** Closes the file, so that the next line opens what has its name by then. */
  close(): void {
    if (this.#fd >= 0) this.#arena.sys.close(this.#fd);
    this.#fd = -1;
  }

  #fails(errno: number, lines: number): void {
    this.close();
    this.#lost += lines;
    this.#worksSince = 0;
    if (this.#broken) return;
    this.#broken = true;
    const reason = this.#arena.sys.strerror(errno);
    this.#warn(
      `cannot write ${this.path}: ${reason}; its lines are in the container's log only until it can be written`,
    );
  }

  /** A full disk still takes what is short: only a while without failure is the end of it. */
  #recovers(): void {
    const now = this.#arena.sys.now();
    this.#worksSince ||= now;
    if (now - this.#worksSince < SOUND_MS) return;
    this.#broken = false;
    this.#warn(`${this.path} can be written again; ${this.#lost} lines are missing in it`);
    this.#lost = 0;
  }
}

/** Opens a log for appending and makes it, with its directory, when it is not there. The descriptor, or `-errno`. */
export function openLog(sys: Sys, path: Bytes): number {
  const flags = Open.Write | Open.Append | Open.NonBlock;
  let fd = sys.open(path, flags, 0);
  if (fd === -Errno.ENOENT) {
    fd = create(sys, path);
    if (fd === -Errno.ENOENT) {
      sys.mkdir(path.slice(0, path.lastIndexOf("/")), 0o755);
      fd = create(sys, path);
    }
  }
  return fd;
}

function create(sys: Sys, path: Bytes): number {
  const fd = sys.open(path, Open.Write | Open.Append | Open.NonBlock | Open.Create, MODE);
  if (fd < 0) return fd;
  // Without root the group stays ours.
  sys.chown(path, sys.getuid(), ADM_GID);
  return fd;
}

/** True for what can be rotated: a regular file, and not `/dev/null` or a pipe that somebody put in its place. */
export function isRegular(sys: Sys, path: Bytes): boolean {
  const stat = sys.lstat(path);
  return typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular;
}

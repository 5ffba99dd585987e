import { chownOpen, openTrusted } from "../../base/trusted-files.ts";
import { type Bytes, Errno, Mode, Open, type Sys } from "../../sys.ts";
import type { Arena } from "../memory/arena.ts";
import { type SpanList, writeSpans } from "../memory/spans.ts";

const APPEND = Open.Write | Open.Append | Open.NonBlock;
/** As Debian has them: root writes, group adm reads. */
const MODE = 0o640;
export const ADM_GID = 4;
/** A file counts as writable again after this time without a failure. */
const SOUND_MS = 1000;

/** A file to which lines are appended. The first line creates it. */
export class LogFile {
  readonly #arena: Arena;
  readonly #warn: (text: string) => void;
  readonly path: Bytes;
  /** Place of the path in the arena, where the next incarnation finds it by a note. */
  readonly pathAt: number;
  #fd = -1;
  #ino = 0;
  /** Whether a warning has said that the file cannot be written. */
  #broken = false;
  /** When the file could be written again; 0 while it cannot. */
  #worksSince = 0;
  /** Lines that are missing in the file. */
  #lost = 0;
  size = 0;
  /** Whether the file ends with the end of a line. */
  whole = true;

  /** @param warn called once when the file cannot be written, and once when it can be again */
  constructor(arena: Arena, path: Bytes, pathAt: number, warn: (text: string) => void) {
    this.#arena = arena;
    this.#warn = warn;
    this.path = path;
    this.pathAt = pathAt;
    if (arena.path(pathAt) !== path) arena.poke(pathAt, `${path}\0`);
  }

  /**
   * Opens the file when it is not open, or when another file, or none, has its name: lines that are written to a file that logrotate has
   * moved are lost as soon as it is compressed.
   * @returns the file's size, or -1 when it cannot be written, which is reported once
   */
  prepare(lines: number): number {
    const { sys } = this.#arena;
    const named = this.#fd < 0 ? -Errno.ENOENT : sys.stat(this.path);
    if (typeof named !== "number" && named.ino === this.#ino) {
      this.size = named.size;
      return this.size;
    }
    this.close();
    const fd = openLog(sys, this.path);
    if (typeof fd === "string" || fd < 0) {
      this.#fails(fd, lines);
      return -1;
    }
    this.#fd = fd;
    // By the descriptor: the name may belong to another file by now.
    const opened = sys.stat(`/proc/self/fd/${this.#fd}`);
    this.#ino = typeof opened === "number" ? 0 : opened.ino;
    // A pipe has no size.
    this.size = Math.max(0, sys.size(this.#fd));
    return this.size;
  }

  /** Appends a list of spans. */
  write(list: SpanList): void {
    const [done, errno] = writeSpans(this.#arena, this.#fd, list, 0);
    if (errno > 0) {
      // Takes back the half of a line.
      this.#arena.sys.ftruncate(this.#fd, this.size);
      this.#fails(-errno, list.lines);
      return;
    }
    this.size += done;
    if (this.#broken) this.#recovers();
  }

  /** Closes the file. The next line opens it by its name. */
  close(): void {
    if (this.#fd >= 0) this.#arena.sys.close(this.#fd);
    this.#fd = -1;
  }

  /** @param failure `-errno` or a reason */
  #fails(failure: number | Bytes, lines: number): void {
    this.close();
    this.#lost += lines;
    this.#worksSince = 0;
    if (this.#broken) return;
    this.#broken = true;
    const reason = typeof failure === "string" ? failure : this.#arena.sys.strerror(-failure);
    this.#warn(
      `cannot write ${this.path}: ${reason}; its lines are in the container's log only until it can be written`,
    );
  }

  /** Reports that the file can be written again, after a while: a full disk accepts short lines now and then. */
  #recovers(): void {
    const now = this.#arena.sys.now();
    this.#worksSince ||= now;
    if (now - this.#worksSince < SOUND_MS) return;
    this.#broken = false;
    this.#warn(`${this.path} can be written again; ${this.#lost} lines are missing in it`);
    this.#lost = 0;
  }
}

/**
 * Opens a log for appending, and makes it with its directory when it is not there.
 * @returns a descriptor, `-errno`, or the reason for a refusal
 * @see openTrusted
 */
export function openLog(sys: Sys, path: Bytes): number | Bytes {
  const fd = openTrusted(sys, path, APPEND, 0);
  if (fd !== -Errno.ENOENT) return fd;
  const created = create(sys, path);
  if (created !== -Errno.ENOENT) return created;
  sys.mkdir(path.slice(0, path.lastIndexOf("/")), 0o755);
  return create(sys, path);
}

function create(sys: Sys, path: Bytes): number | Bytes {
  const fd = openTrusted(sys, path, APPEND | Open.Create | Open.Exclusive, MODE);
  // Without root the group stays ours.
  if (typeof fd === "number" && fd >= 0) chownOpen(sys, fd, sys.getuid(), ADM_GID);
  return fd;
}

/** Whether a path is a regular file, which can be rotated, and not `/dev/null` or a pipe that somebody put in its place. */
export function isRegular(sys: Sys, path: Bytes): boolean {
  const stat = sys.lstat(path);
  return typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular;
}

import { readFile } from "../../base/files.ts";
import type { Bytes, Sys } from "../../sys.ts";

/** The field of a line that holds where the mount is, from 0. @see proc_pid_mountinfo(5) */
const POINT = 4;

/** Where something is mounted, except at the root. */
function pointsOf(mounts: Bytes): Bytes[] {
  const points: Bytes[] = [];
  for (let line = 0; line < mounts.length; line = mounts.indexOf("\n", line) + 1 || mounts.length) {
    let at = line;
    for (let field = 0; field < POINT; field++) at = mounts.indexOf(" ", at) + 1;
    const point = mounts.slice(at, mounts.indexOf(" ", at));
    if (point !== "/") points.push(point);
  }
  return points;
}

/**
 * Tables on mounts of their own, a file of the host's for one: no directory in here tells when they change, so they have to be looked at.
 */
export class Mounted {
  readonly #sys: Sys;
  readonly #points: readonly Bytes[];
  readonly #marks = new Map<Bytes, Bytes>();

  constructor(sys: Sys) {
    this.#sys = sys;
    const mounts = readFile(sys, "/proc/self/mountinfo");
    this.#points = typeof mounts === "string" ? pointsOf(mounts) : [];
  }

  /** Remembers what a path is like, if it is on a mount of its own. Call it before the path is read. */
  note(path: Bytes): void {
    if (this.#points.some((point) => path === point || path.startsWith(`${point}/`)))
      this.#marks.set(path, this.#mark(path));
  }

  get some(): boolean {
    return this.#marks.size > 0;
  }

  /** Whether one of them is not any more what it was. */
  changed(): boolean {
    for (const [path, mark] of this.#marks) if (this.#mark(path) !== mark) return true;
    return false;
  }

  #mark(path: Bytes): Bytes {
    const stat = this.#sys.stat(path);
    return typeof stat === "number" ? "" : [stat.ino, stat.mtimeMs, stat.size, stat.mode, stat.uid, stat.gid].join(" ");
  }
}

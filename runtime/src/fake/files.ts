import { type Bytes, Errno, Mode, type Path, type Stat } from "../sys.ts";

/** A file, directory, link or socket of the fake's file system. */
export interface Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
  /** What a regular file holds; what a link points to. */
  readonly content: Content;
  /** Only a directory has entries. */
  readonly entries: Map<Bytes, Inode> | null;
}

const BLOCK_BYTES = 4096;
const HOLE = "\0".repeat(BLOCK_BYTES);

/** Bytes with holes between them, so that what lies far behind costs nothing. */
export class Content {
  size = 0;
  readonly #blocks = new Map<number, Bytes>();

  get text(): Bytes {
    return this.read(0, this.size);
  }

  read(offset: number, max: number): Bytes {
    const end = Math.min(this.size, offset + max);
    let text = "";
    for (let at = offset; at < end; at += BLOCK_BYTES - (at % BLOCK_BYTES)) {
      const block = this.#blocks.get(Math.floor(at / BLOCK_BYTES)) ?? HOLE;
      text += block.slice(at % BLOCK_BYTES, (at % BLOCK_BYTES) + end - at);
    }
    return text;
  }

  write(data: Bytes, offset: number): void {
    for (let done = 0; done < data.length; ) {
      const number = Math.floor((offset + done) / BLOCK_BYTES);
      const at = (offset + done) % BLOCK_BYTES;
      const part = data.slice(done, done + BLOCK_BYTES - at);
      const block = this.#blocks.get(number) ?? HOLE;
      this.#blocks.set(number, block.slice(0, at) + part + block.slice(at + part.length));
      done += part.length;
    }
    this.size = Math.max(this.size, offset + data.length);
  }

  truncate(size: number): void {
    const kept = this.read(0, Math.min(size, this.size));
    this.#blocks.clear();
    this.write(kept, 0);
    this.size = size;
  }
}

const MAX_LINKS = 40;

/** An in-memory file system. Everybody is root: permissions are kept and not checked, but for "nobody may execute it". */
export class FakeFiles {
  readonly root: Inode;
  readonly #clock: () => number;
  readonly #changed: (directory: Inode) => void;
  #inodes = 0;

  /**
   * @param clock milliseconds since the Epoch, for time stamps
   * @param changed hears of every directory that gets, loses or changes an entry
   */
  constructor(clock: () => number, changed: (directory: Inode) => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.root = this.create(Mode.Directory | 0o755);
  }

  create(mode: number, content: Bytes = ""): Inode {
    const entries = (mode & Mode.TypeMask) === Mode.Directory ? new Map<Bytes, Inode>() : null;
    const inode = {
      ino: ++this.#inodes,
      mode,
      uid: 0,
      gid: 0,
      mtimeMs: this.#clock(),
      content: new Content(),
      entries,
    };
    inode.content.write(content, 0);
    return inode;
  }

  /** The inode of a path, or `-errno`. @param from directory of relative paths */
  find(path: Path, from: Inode, follow = true): Inode | number {
    const place = this.#walk(path, from, follow, MAX_LINKS);
    return typeof place === "number" ? place : (place.inode ?? -Errno.ENOENT);
  }

  /** Where a path leads to, with all links followed: its names from the root. */
  realpath(path: Path, from: Inode): Path | number {
    const place = this.#walk(path, from, true, MAX_LINKS);
    if (typeof place === "number") return place;
    return place.inode === undefined ? -Errno.ENOENT : `/${place.names.join("/")}`;
  }

  /** Gives the file at `path` to whoever names it: replaces what is there. 0 or `-errno`. */
  enter(path: Path, from: Inode, inode: Inode, replace: boolean): number {
    const place = this.#walk(path, from, false, MAX_LINKS);
    if (typeof place === "number") return place;
    if (place.inode !== undefined && !replace) return -Errno.EEXIST;
    if (place.inode?.entries && !inode.entries) return -Errno.EISDIR;
    place.directory.entries?.set(place.name, inode);
    this.touch(place.directory);
    return 0;
  }

  remove(path: Path, from: Inode): number {
    const place = this.#walk(path, from, false, MAX_LINKS);
    if (typeof place === "number") return place;
    if (place.inode === undefined) return -Errno.ENOENT;
    if (place.inode.entries !== null) return -Errno.EISDIR;
    place.directory.entries?.delete(place.name);
    this.touch(place.directory);
    return 0;
  }

  /** A new file at the path, links followed, when none is there. The file or `-errno`. */
  obtain(path: Path, from: Inode, mode: number): Inode | number {
    const place = this.#walk(path, from, true, MAX_LINKS);
    if (typeof place === "number" || place.inode !== undefined)
      return typeof place === "number" ? place : (place.inode as Inode);
    const inode = this.create(Mode.Regular | mode);
    place.directory.entries?.set(place.name, inode);
    this.touch(place.directory);
    return inode;
  }

  write(inode: Inode, data: Bytes, at: number): void {
    inode.content.write(data, at);
    inode.mtimeMs = this.#clock();
  }

  /** Tells those who watch a directory. */
  touch(directory: Inode): void {
    directory.mtimeMs = this.#clock();
    this.#changed(directory);
  }

  stat(inode: Inode): Stat {
    const { ino, mode, uid, gid, mtimeMs, content } = inode;
    return { ino, mode, uid, gid, mtimeMs, size: content.size, links: 1 };
  }

  #walk(path: Path, from: Inode, follow: boolean, links: number): Place | number {
    if (path.includes("\0")) return -Errno.EINVAL;
    if (path === "") return -Errno.ENOENT;
    const trail: Step[] = path.startsWith("/") ? [] : this.#trailOf(from);
    const wanted = path.split("/").filter((name) => name !== "" && name !== ".");
    for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
      const directory = trail.at(-1)?.inode ?? this.root;
      if (directory.entries === null) return -Errno.ENOTDIR;
      if (name === "..") {
        trail.pop();
        continue;
      }
      const inode = directory.entries.get(name);
      const last = wanted.length === 0;
      if (inode === undefined) {
        return last ? { directory, name, inode, names: [...trail.map((step) => step.name), name] } : -Errno.ENOENT;
      }
      if ((inode.mode & Mode.TypeMask) === Mode.Link && (follow || !last)) {
        if (links === 0) return -Errno.ELOOP;
        return this.#walk([inode.content.text, ...wanted].join("/"), directory, follow, links - 1);
      }
      trail.push({ name, inode });
    }
    const names = trail.map((step) => step.name);
    const inode = trail.at(-1)?.inode ?? this.root;
    return { directory: trail.at(-2)?.inode ?? this.root, name: names.at(-1) ?? "", inode, names };
  }

  /** Every step from the root to a directory, which is somewhere below it. */
  #trailOf(directory: Inode, below: Inode = this.root): Step[] {
    if (directory === below) return [];
    for (const [name, inode] of below.entries ?? []) {
      if (inode === directory) return [{ name, inode }];
      if (inode.entries === null) continue;
      const rest = this.#trailOf(directory, inode);
      if (rest.length > 0) return [{ name, inode }, ...rest];
    }
    return [];
  }

  link(target: Path): Inode {
    return this.create(Mode.Link | 0o777, target);
  }

  isLink(inode: Inode): boolean {
    return (inode.mode & Mode.TypeMask) === Mode.Link;
  }
}

interface Step {
  readonly name: Bytes;
  readonly inode: Inode;
}

/** The last name of a path: its directory, and what the directory has under it. */
interface Place {
  readonly directory: Inode;
  readonly name: Bytes;
  readonly inode: Inode | undefined;
  readonly names: readonly Bytes[];
}

import { type Bytes, Notify, type Sys } from "../sys.ts";
import type { Loop } from "./loop.ts";

const BUFFER_BYTES = 16384;
/** Offsets in `struct inotify_event`: wd, mask, cookie, len, name. */
const MASK_AT = 4;
const LENGTH_AT = 12;
const HEADER_BYTES = 16;

const CHANGES =
  Notify.Create |
  Notify.Delete |
  Notify.MovedFrom |
  Notify.MovedTo |
  Notify.CloseWrite |
  Notify.Attrib |
  Notify.DeleteSelf |
  Notify.MoveSelf;

/** Tells of changes among a directory's entries, several at once as one. @see inotify(7) */
export class DirectoryWatch {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #handlers = new Map<number, () => void>();

  constructor(sys: Sys, loop: Loop) {
    this.#sys = sys;
    this.#fd = sys.inotifyInit();
    if (this.#fd >= 0) loop.watch(this.#fd, () => this.#read());
  }

  /** The watch's number for {@link remove}, or `-errno`. */
  add(path: Bytes, changed: () => void): number {
    if (this.#fd < 0) return this.#fd;
    const watch = this.#sys.inotifyAdd(this.#fd, path, CHANGES);
    if (watch >= 0) this.#handlers.set(watch, changed);
    return watch;
  }

  remove(watch: number): void {
    if (this.#handlers.delete(watch)) this.#sys.inotifyRemove(this.#fd, watch);
  }

  #read(): void {
    const events = this.#sys.read(this.#fd, BUFFER_BYTES);
    if (typeof events === "number") return;
    const changed = new Set<() => void>();
    for (let at = 0; at + HEADER_BYTES <= events.length; at += HEADER_BYTES + word(events, at + LENGTH_AT)) {
      const mask = word(events, at + MASK_AT);
      // After an overflow nobody knows what was lost: everybody looks again.
      if ((mask & Notify.Overflow) !== 0) for (const handler of this.#handlers.values()) changed.add(handler);
      const watch = word(events, at);
      const handler = this.#handlers.get(watch);
      if (handler !== undefined) changed.add(handler);
      if ((mask & Notify.Ignored) !== 0) this.#handlers.delete(watch);
    }
    for (const handler of changed) handler();
  }
}

/** A 32-bit little-endian integer; amd64 and arm64 are both little-endian. */
function word(text: Bytes, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

import { type Bytes, Errno, Mode, Open, Poll, type Sys } from "../sys.ts";

/** @see open(2) O_NOCTTY */
const NO_CONTROLLING_TTY = 0o400;
/** Where the kernel cannot be asked not to wait, no more than this is written at once. @see PIPE_BUF in pipe(7) */
const ATOMIC_BYTES = 4096;

/**
 * Standard output (1) or error (2) for a program that must not wait for a reader. Pipes and terminals are opened again, to be
 * non-blocking for this process alone: programs share the open file that it was given. A socket cannot be opened again, and a pipe of
 * another user may not be: they are asked before each write whether they take it.
 */
export class OwnStream {
  readonly #sys: Sys;
  /** Not to be written to while {@link ready} is false. */
  readonly fd: number;
  readonly isPipe: boolean;
  /** An epoll instance that answers whether `fd` can be written; -1 when a write does not wait. */
  readonly #gate: number;
  readonly #pair = new Int32Array(2);

  constructor(sys: Sys, standard: 1 | 2) {
    this.#sys = sys;
    const path = `/proc/self/fd/${standard}`;
    const stat = sys.stat(path);
    const type = typeof stat === "number" ? 0 : stat.mode & Mode.TypeMask;
    this.isPipe = type === Mode.Fifo;
    const again = this.isPipe || type === Mode.Character;
    const own = again ? sys.open(path, Open.Write | Open.Append | Open.NonBlock | NO_CONTROLLING_TTY, 0) : -1;
    this.fd = own < 0 ? standard : own;
    this.#gate = own < 0 ? this.#guard() : -1;
  }

  /** Whether a write would be taken, or fail, at once. */
  get ready(): boolean {
    return this.#gate < 0 || this.#sys.epollWait(this.#gate, this.#pair, 0) !== 0;
  }

  /** As `write(2)`; `-EAGAIN` when nobody takes it. */
  write(data: Bytes): number {
    if (!this.ready) return -Errno.EAGAIN;
    return this.#sys.write(this.fd, this.#gate < 0 ? data : data.slice(0, ATOMIC_BYTES));
  }

  /** A regular file cannot be watched; writing to it does not wait for anybody. */
  #guard(): number {
    const gate = this.#sys.epollCreate();
    if (this.#sys.epollAdd(gate, this.fd, Poll.Out) >= 0) return gate;
    this.#sys.close(gate);
    return -1;
  }
}

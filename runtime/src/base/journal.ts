import type { Bytes, Sys } from "../sys.ts";

/** Room for one record; {@link Journal.fits} tells whether a name leaves room for the rest. */
const SLOT_BYTES = 512;
const NAME_MAX_BYTES = 220;
/** A slot that was used and is not any more. One that never was reads as NUL: the file has a hole there. */
const RELEASED = "-\0";
/** Where the environment block lies, far behind any slot; the file has holes, only what is written takes memory. */
const TEXT_OFFSET = 2 ** 32;
const TEXT_MAX_BYTES = 2 ** 24;

/**
 * The state that the next incarnation takes over when this one crashes: small JSON records in numbered slots of an anonymous
 * file that stays open over `execve(2)`. Every change is written at once, for a crash leaves no time to.
 */
export class Journal {
  readonly #sys: Sys;
  readonly #fd: number;
  #slots = 0;
  readonly #free: number[] = [];

  private constructor(sys: Sys, fd: number) {
    this.#sys = sys;
    this.#fd = fd;
  }

  /** Opens the journal of the incarnation before, or a new one. */
  static open(sys: Sys): { journal: Journal; records: Map<number, unknown> } {
    const resumed = sys.resumeFd >= 0;
    const journal = new Journal(sys, resumed ? sys.resumeFd : sys.memfd("shipshape"));
    sys.setJournal(journal.#fd, false);
    return { journal, records: resumed ? journal.#load() : new Map() };
  }

  /** Whether a record with this name fits into a slot. */
  static fits(name: Bytes): boolean {
    return JSON.stringify(name).length <= NAME_MAX_BYTES;
  }

  /** A slot that nobody uses. */
  allocate(): number {
    return this.#free.pop() ?? this.#slots++;
  }

  /** @param json the record, as JSON */
  write(slot: number, json: Bytes): void {
    this.#sys.pwrite(this.#fd, `${json}\0`, slot * SLOT_BYTES);
  }

  release(slot: number): void {
    this.#sys.pwrite(this.#fd, RELEASED, slot * SLOT_BYTES);
    this.#free.push(slot);
  }

  writeText(text: Bytes): void {
    this.#sys.pwrite(this.#fd, `${text.length}\n${text}`, TEXT_OFFSET);
  }

  /** What {@link writeText} wrote last, or `null`. */
  readText(): Bytes | null {
    let content = "";
    for (;;) {
      const part = this.#sys.pread(this.#fd, TEXT_MAX_BYTES, TEXT_OFFSET + content.length);
      if (typeof part !== "string") return null;
      if (part === "") break;
      content += part;
    }
    const end = content.indexOf("\n");
    const length = Number(content.slice(0, end));
    return end > 0 && content.length >= end + 1 + length ? content.slice(end + 1, end + 1 + length) : null;
  }

  /** Tells the crash handler that this incarnation works, so that its crash is counted as the first. */
  healthy(): void {
    this.#sys.setJournal(this.#fd, true);
  }

  #load(): Map<number, unknown> {
    const records = new Map<number, unknown>();
    for (; ; this.#slots++) {
      const text = this.#sys.pread(this.#fd, SLOT_BYTES, this.#slots * SLOT_BYTES);
      if (typeof text !== "string" || text === "" || text.startsWith("\0")) return records;
      if (text.startsWith(RELEASED)) this.#free.push(this.#slots);
      else records.set(this.#slots, JSON.parse(text.slice(0, text.indexOf("\0"))));
    }
  }
}

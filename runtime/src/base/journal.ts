import type { WaitStatus } from "../../../lib/linux/wait-status.ts";
import type { Bytes, Sys } from "../sys.ts";
import { anonymousFile } from "./anonymous-file.ts";

/** An incarnation that lived this long is sound: if it crashes, it is started again in place as often as a new one. */
export const HEALTHY_AFTER_MS = 10_000;

/** Where {@link Sys.noteAnswers} notes the pid of the last start, among its 16 bytes; the words of {@link Journal.intend} follow. */
const STARTED_OFFSET = 12;
const INTENT_OFFSET = 16;
/** Where the environment block begins, and where the slots do. The file has holes: only the bytes that are written take memory. */
const TEXT_OFFSET = 2 ** 13;
const SLOTS_OFFSET = 2 ** 25;
const SLOT_BYTES = 512;
/** The first byte of a slot: the first part of a record, a further part of one, or nothing. An unused slot reads as NUL. */
const HEAD = "=";
const FURTHER = "+";
const RELEASED = "-\0";
/** What a slot holds of a record, beside its first byte, the number of the next slot, a separator and the final NUL. */
const PART_BYTES = SLOT_BYTES - 12;
const READ_BYTES = 65536;

/** Answers that the kernel gives once, as the last incarnation got them. It may have crashed before it could act on them. */
export interface LastAnswers {
  /** The last signal that was read, or 0. */
  readonly signal: number;
  /** The last child that was reaped; its pid is 0 when there was none. */
  readonly reaped: { readonly pid: number; readonly status: WaitStatus };
  /** The last start that was intended; its pid is 0 when there was no process. */
  readonly started: { readonly intent: Bytes; readonly pid: number };
}

const NO_ANSWERS: LastAnswers = { signal: 0, reaped: { pid: 0, status: 0 }, started: { intent: "", pid: 0 } };

/**
 * The state that the next incarnation takes over after a crash: JSON records of any length in numbered slots of an anonymous file
 * that stays open over `execve(2)`. Every change is written at once, because a crash leaves no time for it.
 */
export class Journal {
  readonly #sys: Sys;
  readonly #fd: number;
  /** Slots below this number are in use, reserved or in {@link #free}. */
  #slots: number;
  readonly #free: number[] = [];
  /** Further slots of those records that are longer than one. */
  readonly #further = new Map<number, readonly number[]>();
  readonly last: LastAnswers;

  private constructor(sys: Sys, fd: number, reserved: number, resumed: boolean) {
    this.#sys = sys;
    this.#fd = fd;
    this.#slots = reserved;
    this.last = resumed ? this.#readAnswers() : NO_ANSWERS;
  }

  /**
   * Opens the journal of the previous incarnation, or a new one.
   * @param reserved the first slots, which {@link allocate} never returns
   */
  static open(sys: Sys, reserved = 0): { journal: Journal; records: Map<number, unknown> } {
    const resumed = sys.resumeFd >= 0;
    const journal = new Journal(sys, resumed ? sys.resumeFd : anonymousFile(sys, "shipshape"), reserved, resumed);
    sys.setJournal(journal.#fd, false);
    if (!resumed) journal.intend("");
    sys.noteAnswers(journal.#fd);
    return { journal, records: resumed ? journal.#load(reserved) : new Map() };
  }

  /** Returns a slot that nobody uses. */
  allocate(): number {
    return this.#free.pop() ?? this.#slots++;
  }

  /** Writes or replaces a record. @param json the record, as JSON */
  write(slot: number, json: Bytes): void {
    const further: number[] = [];
    let next = "";
    // The head is written last: until then the record before it counts.
    for (let at = Math.floor((json.length - 1) / PART_BYTES); at > 0; at--) {
      const part = this.allocate();
      this.#writeSlot(part, FURTHER, next, json.slice(at * PART_BYTES, (at + 1) * PART_BYTES));
      further.push(part);
      next = `${part}`;
    }
    this.#writeSlot(slot, HEAD, next, json.length > PART_BYTES ? json.slice(0, PART_BYTES) : json);
    this.#freeFurther(slot);
    if (further.length > 0) this.#further.set(slot, further);
  }

  release(slot: number): void {
    this.#sys.pwrite(this.#fd, RELEASED, SLOTS_OFFSET + slot * SLOT_BYTES);
    this.#freeFurther(slot);
    this.#free.push(slot);
  }

  /**
   * Notes which process is started next; call it before each `spawn`. If this incarnation crashes before it can write down the pid,
   * the next one finds both in {@link last}.
   */
  intend(intent: Bytes): void {
    this.#sys.pwrite(this.#fd, `\0\0\0\0${intent}\0`, STARTED_OFFSET);
  }

  writeText(text: Bytes): void {
    this.#sys.pwrite(this.#fd, `${text.length}\n${text}`, TEXT_OFFSET);
  }

  /** Returns the text that {@link writeText} wrote last, or `null`. */
  readText(): Bytes | null {
    const first = this.#read(TEXT_OFFSET, READ_BYTES);
    const end = first.indexOf("\n");
    const length = Number(first.slice(0, end));
    if (end <= 0 || !Number.isInteger(length)) return null;
    let text = first.slice(end + 1, end + 1 + length);
    while (text.length < length) {
      const part = this.#read(TEXT_OFFSET + end + 1 + text.length, Math.min(READ_BYTES, length - text.length));
      if (part === "") return null;
      text += part;
    }
    return text;
  }

  /** Reports to the crash handler that this incarnation works, so that its crash is counted as the first. */
  healthy(): void {
    this.#sys.setJournal(this.#fd, true);
  }

  #writeSlot(slot: number, kind: Bytes, next: Bytes, part: Bytes): void {
    this.#sys.pwrite(this.#fd, `${kind}${next}|${part}\0`, SLOTS_OFFSET + slot * SLOT_BYTES);
  }

  #freeFurther(slot: number): void {
    this.#free.push(...(this.#further.get(slot) ?? []));
    this.#further.delete(slot);
  }

  #read(offset: number, max: number): Bytes {
    const text = this.#sys.pread(this.#fd, max, offset);
    return typeof text === "string" ? text : "";
  }

  #readAnswers(): LastAnswers {
    const text = this.#read(0, TEXT_OFFSET);
    const word = (at: number) => {
      const byte = (index: number) => text.charCodeAt(4 * at + index) || 0;
      return byte(0) + 0x100 * byte(1) + 0x10000 * byte(2) + 0x1000000 * byte(3);
    };
    const intent = text.slice(INTENT_OFFSET, text.indexOf("\0", INTENT_OFFSET));
    return { signal: word(0), reaped: { pid: word(1), status: word(2) }, started: { intent, pid: word(3) } };
  }

  /** Reads all records; a slot that holds none, or one that cannot be understood, is free. */
  #load(reserved: number): Map<number, unknown> {
    const records = new Map<number, unknown>();
    const count = Math.ceil((this.#sys.size(this.#fd) - SLOTS_OFFSET) / SLOT_BYTES);
    this.#slots = Math.max(reserved, count);
    const used = new Set<number>();
    for (let slot = 0; slot < count; slot++) {
      const parts = this.#parts(slot);
      const record = parts === null ? undefined : parsed(parts.text);
      if (parts === null || record === undefined) continue;
      records.set(slot, record);
      used.add(slot);
      for (const part of parts.further) used.add(part);
      if (parts.further.length > 0) this.#further.set(slot, parts.further);
    }
    for (let slot = this.#slots - 1; slot >= reserved; slot--) if (!used.has(slot)) this.#free.push(slot);
    return records;
  }

  /** Returns the text of the record that begins in `slot`, and where else it lies. */
  #parts(slot: number): { text: Bytes; further: number[] } | null {
    const further: number[] = [];
    let text = "";
    for (let at = slot, kind = HEAD; ; kind = FURTHER) {
      const content = this.#read(SLOTS_OFFSET + at * SLOT_BYTES, SLOT_BYTES);
      const [start, end] = [content.indexOf("|"), content.indexOf("\0")];
      if (!content.startsWith(kind) || start < 0 || end < start || further.length > this.#slots) return null;
      text += content.slice(start + 1, end);
      if (start === 1) return { text, further };
      at = Number(content.slice(1, start));
      further.push(at);
    }
  }
}

function parsed(json: Bytes): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

import { MAX_CAPTURED } from "../../../../lib/log/capture.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";

/** A part of the arena: `[from, end)`, in bytes. */
export interface Range {
  readonly from: number;
  readonly end: number;
}

/** Datagrams received by one system call. */
export const SLOTS = 64;
/** Bytes of a slot. Most messages fit; the end of a longer one is in the slot's rest. */
export const SLOT_BYTES = 512;
export const REST_BYTES = 32_256;
/** `struct mmsghdr`, and the iovecs and control data of one message. @see Sys.recvmmsg */
const HEADER_BYTES = 64;
const EXTRA_BYTES = 64;
const LENGTH_AT = 56;
/** First word that is the length of a message. */
export const FIRST_LENGTH = LENGTH_AT / 4;
export const LENGTH_STEP = HEADER_BYTES / 4;
const PID_AT = 48;
const DATA_AT = SLOTS * (HEADER_BYTES + EXTRA_BYTES);
const REST_AT = DATA_AT + SLOTS * SLOT_BYTES;

/** Pages of the state, of the table of files, of the heads of lines. */
const PAGE = 4096;
const STATE_AT = REST_AT + SLOTS * REST_BYTES;
const FILES_AT = STATE_AT + PAGE;
export const PATH_BYTES = 256;
const HEADS_AT = FILES_AT + PAGE;
export const HEAD_BYTES = 512;

/** Scratch memory: texts that cannot be written as they came. */
export const SCRATCH_AT = HEADS_AT + PAGE;
export const SCRATCH_BYTES = 1 << 20;

/** The chunk: bytes read from a captured service's pipe. */
export const CHUNK_AT = SCRATCH_AT + SCRATCH_BYTES;
export const CHUNK_BYTES = 16_384;

/**
 * Words of one of the four lists of spans. A span is two words, offset and length; the worst chunk has one line per byte, each of three
 * spans.
 */
export const LIST_WORDS = 6 * CHUNK_BYTES + 1000;
const LISTS_AT = CHUNK_AT + CHUNK_BYTES;

/** One entry for each captured service: its label, the path of its file, and the start of a line (`input/captured-pipe.ts`). */
export const ENTRIES_AT = LISTS_AT + Math.ceil((4 * LIST_WORDS * 4) / PAGE) * PAGE;
export const ENTRY_BYTES = 4608;
/** Services that are gone have theirs until their last line is written. */
export const MAX_ENTRIES = 2 * MAX_CAPTURED;
const ARENA_BYTES = ENTRIES_AT + MAX_ENTRIES * ENTRY_BYTES;

/** Words of the state. They outlive a kill: with them the next instance goes on where this one was. */
export enum Word {
  /** A {@link Phase}. */
  Phase,
  /** A {@link Kind}: where the batch came from, so what is to be forgotten when it is written. */
  Kind,
  /** A {@link Protocol}: that of the messages in the slots. */
  Protocol,
  /** First slot of the batch. */
  SlotFrom,
  /** The slot after the last one of the batch. */
  SlotEnd,
  /** Number of notes. */
  Notes,
  /** First word of the part of the list for the container's log that is not written yet. */
  ContainerFrom,
  /** First word after that list. */
  ContainerEnd,
  /** Entry of the service that the chunk is from. */
  ChunkEntry,
  /** Place to which the rest of the chunk is copied when the batch is written: the carry. */
  CarryTo,
  /** Place of that rest. */
  CarryFrom,
  /** Its length. */
  CarryBytes,
  /** Bytes of the carry after that. */
  CarryTotal,
  /** 1 when the part of the chunk that is written ends amid a line. */
  Torn,
  /** End of the chunk, as 64 bits that the kernel counts up. */
  ChunkEnd = 20,
  /** The first note: {@link NOTE_WORDS} each. */
  FirstNote = 32,
}

/** Place of {@link Word.ChunkEnd}. */
export const CHUNK_END_AT = STATE_AT + Word.ChunkEnd * 4;
/** Two words for a span that starts within another. */
export const PARTIAL = STATE_AT / 4 + 512;

/** A note: place of the path, list from, list end, bytes, the file's size before (two words). */
export const NOTE_WORDS = 8;

export enum Phase {
  /** Nothing is being written; messages may be received and not written yet. */
  Idle = 0,
  /** The batch is being written: each file's size shows how much of it. */
  Writing = 1,
  /** The batch is written and is being forgotten. */
  Forgetting = 2,
}

export enum Kind {
  /** Messages of the daemon itself. */
  Own = 0,
  Slots = 1,
  Chunk = 2,
}

export enum Protocol {
  Syslog = 0,
  Journal = 1,
}

/**
 * The memory that every instance of the daemon works in: an anonymous file that the init holds. What the kernel has handed
 * over lies here from the first moment, so a kill takes nothing away; the {@link Word}s hold how far it was handled.
 */
export class Arena {
  readonly sys: Sys;
  readonly fd: number;
  readonly bytes: Uint8Array;
  /** The same memory as words. */
  readonly words: Int32Array;
  /** The words that {@link Word} names. */
  readonly state: Int32Array;

  constructor(sys: Sys, fd: number, buffer: ArrayBuffer) {
    this.sys = sys;
    this.fd = fd;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.state = new Int32Array(buffer, STATE_AT, PAGE / 4);
    // Touches each page: one that is missing when the kernel copies a message into it can cost the message, if a kill comes just then.
    for (let at = 0; at < REST_AT; at += PAGE) this.bytes[at] = this.bytes[at] as number;
    for (let at = STATE_AT; at <= SCRATCH_AT; at += PAGE) this.bytes[at] = this.bytes[at] as number;
  }

  /** Maps the memory. @returns `-errno` when that fails */
  static open(sys: Sys, fd: number): Arena | number {
    const buffer = sys.map(fd, ARENA_BYTES);
    return typeof buffer === "number" ? buffer : new Arena(sys, fd, buffer);
  }

  /**
   * Receives messages until a socket has no more: the more are written at once, the less each costs.
   * @returns the number of messages
   */
  receive(socket: number): number {
    let count = 0;
    while (count < SLOTS) {
      const taken = this.sys.recvmmsg(socket, this.bytes, SLOTS, SLOT_BYTES, REST_BYTES, count);
      if (taken === -Errno.EINTR) continue;
      if (taken <= 0) break;
      count += taken;
    }
    return count;
  }

  /** Looks for lines of the usual form among those received. @see Sys.syslogLines */
  find(count: number, found: Int32Array): void {
    this.sys.syslogLines(this.bytes, SLOTS, SLOT_BYTES, count, found);
  }

  /** Length of the message in a slot, 0 for none; more than slot and rest hold when its end is lost. */
  slotLength(slot: number): number {
    return this.words[slot * LENGTH_STEP + FIRST_LENGTH] as number;
  }

  /** The sender's pid, 0 for a sender of another PID namespace. */
  slotPid(slot: number): number {
    return this.words[(SLOTS * HEADER_BYTES + slot * EXTRA_BYTES + PID_AT) >> 2] as number;
  }

  slotAt(slot: number): number {
    return DATA_AT + slot * SLOT_BYTES;
  }

  /**
   * Returns the start of the message in a slot as text, and the place of its rest.
   * @param max most bytes of the start; those in the slot itself are always in it
   */
  slotText(slot: number, max: number): { start: Bytes; rest: Range } {
    const length = this.slotLength(slot);
    const at = this.slotAt(slot);
    const head = this.peek(at, at + Math.min(length, SLOT_BYTES));
    const from = REST_AT + slot * REST_BYTES;
    const end = from + Math.min(Math.max(0, length - SLOT_BYTES), REST_BYTES);
    const middle = Math.min(end, Math.max(from, from + max - SLOT_BYTES));
    return { start: middle > from ? head + this.peek(from, middle) : head, rest: { from: middle, end } };
  }

  headAt(index: number): number {
    return HEADS_AT + index * HEAD_BYTES;
  }

  /** First word of a list of spans. */
  listAt(index: number): number {
    return LISTS_AT / 4 + index * LIST_WORDS;
  }

  /** Place of a path in the table of files. */
  pathAt(index: number): number {
    return FILES_AT + index * PATH_BYTES;
  }

  path(at: number): Bytes {
    return this.text(at, PATH_BYTES);
  }

  get chunkEnd(): number {
    return Math.max(CHUNK_AT, this.state[Word.ChunkEnd] as number);
  }

  /** Forgets the chunk. The kernel writes the next one to the same place. */
  clearChunk(): void {
    this.state[Word.ChunkEnd + 1] = 0;
    this.state[Word.ChunkEnd] = CHUNK_AT;
  }

  peek(from: number, end: number): Bytes {
    return this.sys.peek(this.bytes, from, end);
  }

  poke(at: number, text: Bytes): number {
    return this.sys.poke(this.bytes, at, text);
  }

  /** Returns a text that ends with NUL. */
  text(at: number, maxBytes: number): Bytes {
    const end = this.sys.find(this.bytes, at, at + maxBytes, 0);
    return this.peek(at, end < 0 ? at + maxBytes : end);
  }
}

import { type Bytes, Errno, type Sys } from "../../sys.ts";

/** Datagrams taken from the kernel at once. */
export const SLOTS = 64;
/** Most messages fit into a slot; the end of a longer one lies in a room of its own. */
export const SLOT_BYTES = 512;
export const REST_BYTES = 32_256;
/** `struct mmsghdr`, and the iovecs and control data of one message. @see Sys.recvmmsg */
const HEADER_BYTES = 64;
const EXTRA_BYTES = 64;
const LENGTH_AT = 56;
/** Lengths of messages as words of the arena: the first, and from one to the next. */
export const FIRST_LENGTH = LENGTH_AT / 4;
export const LENGTH_STEP = HEADER_BYTES / 4;
const PID_AT = 48;
const DATA_AT = SLOTS * (HEADER_BYTES + EXTRA_BYTES);
const REST_AT = DATA_AT + SLOTS * SLOT_BYTES;

/** {@link Progress}, the table of files, the heads of lines. */
const PAGE = 4096;
const STATE_AT = REST_AT + SLOTS * REST_BYTES;
const FILES_AT = STATE_AT + PAGE;
export const PATH_BYTES = 256;
const HEADS_AT = FILES_AT + PAGE;
export const HEAD_BYTES = 512;

/** Texts that had to be made, because they could not be written as they came. */
export const SCRATCH_AT = HEADS_AT + PAGE;
export const SCRATCH_BYTES = 1 << 20;

/** What was taken from a captured service's pipe. */
export const CHUNK_AT = SCRATCH_AT + SCRATCH_BYTES;
export const CHUNK_BYTES = 16_384;

/** Four lists of spans. Each span is two words: offset and length; the worst chunk has one line per byte, each of three spans. */
export const LIST_WORDS = 6 * CHUNK_BYTES + 1000;
const LISTS_AT = CHUNK_AT + CHUNK_BYTES;

/** One entry per captured service: {@link Sources}. */
export const ENTRIES_AT = LISTS_AT + Math.ceil((4 * LIST_WORDS * 4) / PAGE) * PAGE;
export const ENTRY_BYTES = 4608;
export const MAX_ENTRIES = 2048;
const ARENA_BYTES = ENTRIES_AT + MAX_ENTRIES * ENTRY_BYTES;

/** Words of the state. What they hold outlives a kill: with them the next incarnation goes on where this one was. */
export enum Word {
  /** A {@link Phase}. */
  Phase,
  /** A {@link Kind}: what the lines came from, so what is to be given back when they are written. */
  Kind,
  /** A {@link Protocol}: how what lies in the slots was sent. */
  Protocol,
  /** Slots of the batch: first, and one after the last. */
  SlotFrom,
  SlotEnd,
  /** How many files have a note. */
  Notes,
  /** What of the container's log is not written yet: words of a list. */
  ContainerFrom,
  ContainerEnd,
  /** Entry of the service that the chunk is from. */
  ChunkEntry,
  /** The start of a line whose end has not come: to be copied when all is written. */
  CarryTo,
  CarryFrom,
  CarryBytes,
  CarryTotal,
  /** 64 bits, which the kernel counts up: the end of the chunk. */
  ChunkEnd = 20,
  /** The first note: {@link NOTE_WORDS} each. */
  FirstNote = 32,
}

/** Where the 64 bits of {@link Word.ChunkEnd} are. */
export const CHUNK_END_AT = STATE_AT + Word.ChunkEnd * 4;
/** Two words, for a span that starts within another. */
export const PARTIAL = STATE_AT / 4 + 512;

/** A note: place of the path, list from, list end, bytes, the file's size before (two words). */
export const NOTE_WORDS = 8;

export enum Phase {
  /** What was received is not written yet. */
  Idle = 0,
  /** It is being written: each file's size tells how much of it. */
  Writing = 1,
  /** It is written, and has to be forgotten. */
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
 * The memory that every incarnation of the daemon works in: an anonymous file that the init holds. What the kernel has handed
 * over lies here from the first moment, so a kill takes nothing away; the {@link Word}s tell what has become of it.
 */
export class Arena {
  readonly sys: Sys;
  readonly fd: number;
  readonly bytes: Uint8Array;
  /** All of it, as words: spans are there. */
  readonly words: Int32Array;
  /** What {@link Word} names. */
  readonly state: Int32Array;

  constructor(sys: Sys, fd: number, buffer: ArrayBuffer) {
    this.sys = sys;
    this.fd = fd;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.state = new Int32Array(buffer, STATE_AT, PAGE / 4);
    // A page that is not there when the kernel copies a message into it can cost that message, if we are killed just then.
    for (let at = 0; at < REST_AT; at += PAGE) this.bytes[at] = this.bytes[at] as number;
    for (let at = STATE_AT; at <= SCRATCH_AT; at += PAGE) this.bytes[at] = this.bytes[at] as number;
  }

  /** @returns `-errno` when the memory cannot be had */
  static open(sys: Sys, fd: number): Arena | number {
    const buffer = sys.map(fd, ARENA_BYTES);
    return typeof buffer === "number" ? buffer : new Arena(sys, fd, buffer);
  }

  /**
   * Takes what the socket has, and what comes while it does: the more is written at once, the less each message costs.
   * @returns how many messages
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

  /** Length of the message in a slot, 0 for none; more than slot and room hold when its end is lost. */
  slotLength(slot: number): number {
    return this.words[slot * LENGTH_STEP + FIRST_LENGTH] as number;
  }

  /** The sender's pid, 0 when it is not of our PID namespace. */
  slotPid(slot: number): number {
    return this.words[(SLOTS * HEADER_BYTES + slot * EXTRA_BYTES + PID_AT) >> 2] as number;
  }

  slotAt(slot: number): number {
    return DATA_AT + slot * SLOT_BYTES;
  }

  /** What there is of the message in a slot. */
  slotText(slot: number): Bytes {
    const length = this.slotLength(slot);
    const at = this.slotAt(slot);
    const head = this.peek(at, at + Math.min(length, SLOT_BYTES));
    if (length <= SLOT_BYTES) return head;
    const rest = REST_AT + slot * REST_BYTES;
    return head + this.peek(rest, rest + Math.min(length - SLOT_BYTES, REST_BYTES));
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

  /** Forgets the chunk, or makes the kernel write the next one to its place. */
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

  /** A text that ends with NUL. */
  text(at: number, maxBytes: number): Bytes {
    const end = this.sys.find(this.bytes, at, at + maxBytes, 0);
    return this.peek(at, end < 0 ? at + maxBytes : end);
  }
}

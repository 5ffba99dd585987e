import { routeOf } from "../../../lib/log-routes.ts";
import { FACILITIES, parseSyslog } from "../../../lib/syslog.ts";
import { readFile } from "../kernel/files.ts";
import { type Bytes, Errno } from "../sys.ts";
import { type Arena, Kind, REST_BYTES, SLOT_BYTES, Word } from "./arena.ts";
import type { Formatter } from "./formatter.ts";
import type { Stamps } from "./stamps.ts";
import type { Writer } from "./writer.ts";

const LESS_THAN = 60;
const GREATER_THAN = 62;
const COLON = 58;
const BRACKET = 91;
const BLANK = 32;
const ZERO = 48;
const NEWLINE = 10;
const USER = 1;
/** Room that one message can take as text: escaped, and in JSON beside it. */
const TEXT_BYTES_PER_BYTE = 12;
/** Batches taken before other events get their turn. */
const BATCHES_PER_TURN = 16;

/** Bytes that end a tag, and those that must not be in a line. A tab may. */
const TAG_END = byteSet(
  (byte) => (byte < BLANK && byte !== 9) || byte === 0x7f || byte === BLANK || byte === COLON || byte === BRACKET,
);
const CONTROL = byteSet((byte) => (byte < BLANK && byte !== 9) || byte === 0x7f);

function byteSet(has: (byte: number) => boolean): Uint8Array {
  return new Uint8Array(256).map((_, byte) => (has(byte) ? 1 : 0));
}

/** The datagram socket that programs send their messages to. */
export class SyslogInput {
  readonly #arena: Arena;
  readonly #writer: Writer;
  readonly #formatter: Formatter;
  readonly #stamps: Stamps;
  readonly #routes = new Int32Array(FACILITIES.length).map((_, facility) => routeOf(facility));

  constructor(arena: Arena, writer: Writer, formatter: Formatter, stamps: Stamps) {
    this.#arena = arena;
    this.#writer = writer;
    this.#formatter = formatter;
    this.#stamps = stamps;
  }

  /**
   * Writes what the socket has, in several batches when it has much.
   * @param resumed called when the writer, once busy, is free again
   * @returns `done` when nothing is left, `more` when it is another's turn, `busy` when the writer is
   */
  take(socket: number, resumed: () => void): "done" | "more" | "busy" {
    for (let batch = 0; batch < BATCHES_PER_TURN; batch++) {
      const count = this.#arena.receive(socket);
      if (count === -Errno.EINTR) continue;
      if (count <= 0) return "done";
      if (!this.write(count, resumed)) return "busy";
    }
    return "more";
  }

  /** Writes what lies in the first `count` slots; `false` when the writer is busy before the end. */
  write(count: number, resumed: () => void): boolean {
    for (let slot = 0; slot < count; ) {
      slot = this.#addBatch(slot, count);
      if (this.#writer.empty) continue;
      const goOn = () => {
        if (this.write(count, resumed)) resumed();
      };
      if (!this.#writer.commit(Kind.Slots, this.#stamps.at, this.#stamps.bytes, goOn)) return false;
    }
    return true;
  }

  /** Adds messages from slot `first` on; the slot after the last. */
  #addBatch(first: number, count: number): number {
    const { state } = this.#arena;
    this.#stamps.refresh();
    state[Word.SlotFrom] = first;
    let slot = first;
    for (; slot < count; slot++) {
      const length = this.#arena.slotLength(slot);
      if (length === 0) continue;
      if (this.#formatter.same && length < SLOT_BYTES && this.#addAsIs(slot, length)) continue;
      const kept = Math.min(length, SLOT_BYTES + REST_BYTES);
      if (!this.#writer.empty && !this.#writer.fits(1, kept * TEXT_BYTES_PER_BYTE + 8192)) break;
      this.#addAsText(slot, length - kept);
    }
    state[Word.SlotEnd] = slot;
    return slot;
  }

  /** Adds a message of the common form as the bytes that it is: `<PRI>Mmm dd hh:mm:ss TAG…`. `false` for every other one. */
  #addAsIs(slot: number, length: number): boolean {
    const { bytes, sys } = this.#arena;
    const start = this.#arena.slotAt(slot);
    let end = start + length;
    while (end > start && (bytes[end - 1] === NEWLINE || bytes[end - 1] === 0)) end--;
    if (bytes[start] !== LESS_THAN) return false;
    let at = start + 1;
    let priority = 0;
    for (; bytes[at] !== GREATER_THAN; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9 || at > start + 3) return false;
      priority = priority * 10 + digit;
    }
    at += 17;
    if (at >= end || bytes[at - 1] !== BLANK || bytes[at - 7] !== COLON || bytes[at - 4] !== COLON) return false;
    if (bytes[at - 10] !== BLANK || bytes[at - 13] !== BLANK) return false;
    const tagEnd = sys.scan(bytes, at, end, TAG_END);
    if (tagEnd === end || (bytes[tagEnd] !== COLON && bytes[tagEnd] !== BRACKET)) return false;
    if (sys.scan(bytes, tagEnd, end, CONTROL) < end) return false;
    bytes[end] = NEWLINE;
    const route = this.#routes[priority >> 3];
    if (route === undefined) return false;
    this.#writer.add(this.#stamps.at, this.#stamps.bytes, at, end + 1, route);
    return true;
  }

  #addAsText(slot: number, cutBytes: number): void {
    const pid = this.#arena.slotPid(slot);
    let raw = this.#arena.slotText(slot);
    let end = raw.length;
    while (end > 0 && (raw.charCodeAt(end - 1) === NEWLINE || raw.charCodeAt(end - 1) === 0)) end--;
    raw = raw.slice(0, end);
    let message = parseSyslog(raw, this.#stamps.host);
    if (message.tag === "" && pid > 0) message = { ...message, tag: this.#nameOf(pid), pid: String(pid) };
    this.#formatter.message(message, pid, this.#routes[message.priority >> 3] ?? routeOf(USER), cutBytes);
  }

  /** Name of the program that runs as `pid`. A sender that has ended already has none. */
  #nameOf(pid: number): Bytes {
    const name = readFile(this.#arena.sys, `/proc/${pid}/comm`, 64);
    return typeof name === "string" && name.trim() !== "" ? name.trim() : "unknown";
  }
}

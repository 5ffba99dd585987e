import { parseJournalMessage } from "../../../../lib/log/journal.ts";
import { routeOf } from "../../../../lib/log/routes.ts";
import { FACILITIES, MAX_HEADER, parseSyslog, type SyslogMessage } from "../../../../lib/log/syslog.ts";
import { readFile } from "../../base/files.ts";
import type { Bytes } from "../../sys.ts";
import { type Arena, Kind, Protocol, type Range, REST_BYTES, SLOT_BYTES, SLOTS, Word } from "../memory/arena.ts";
import type { Stamps } from "../memory/stamps.ts";
import type { Formatter } from "../output/formatter.ts";
import type { Writer } from "../output/writer.ts";
import type { RateLimit } from "./rate-limit.ts";

const NEWLINE = 10;
/** Most newlines and NULs that count as the end of a message. */
const MAX_END = SLOT_BYTES;
const USER = 1;
/** Most bytes of scratch memory that one byte of a message takes: escaped, to be forwarded, and as JSON. */
const TEXT_BYTES_PER_BYTE = 20;
/** Batches read before other events get their turn. */
const BATCHES_PER_TURN = 16;
/** Bytes of messages handled as text before other events get their turn. */
const TEXT_BYTES_PER_TURN = 1 << 19;
/** Tags whose messages are counted at the same time. With more of them all counts start again. */
const MAX_LIMITS = 256;

/** The datagram sockets that programs send their messages to. */
export class SyslogInput {
  readonly #arena: Arena;
  readonly #writer: Writer;
  readonly #formatter: Formatter;
  readonly #stamps: Stamps;
  /** What {@link Sys.syslogLines} finds. */
  readonly #found = new Int32Array(3 * SLOTS);
  readonly #routes = new Int32Array(FACILITIES.length).map((_, facility) => routeOf(facility));
  /** Bytes of messages handled as text in this turn. */
  #textBytes = 0;
  /** Limits by tag. */
  readonly #limits = new Map<Bytes, RateLimit>();
  readonly #limitOf: ((tag: Bytes) => RateLimit) | null;

  /** @param limitOf makes the limit of one tag; `null` when there are no limits */
  constructor(
    arena: Arena,
    writer: Writer,
    formatter: Formatter,
    stamps: Stamps,
    limitOf: ((tag: Bytes) => RateLimit) | null,
  ) {
    this.#limitOf = limitOf;
    this.#arena = arena;
    this.#writer = writer;
    this.#formatter = formatter;
    this.#stamps = stamps;
  }

  /**
   * Writes the messages that wait in a socket, in several batches when there are many.
   * @param resumed called when the writer, once busy, is free again
   * @returns `done` when nothing is left, `more` when it is another's turn, `busy` when the writer is
   */
  take(socket: number, protocol: Protocol, resumed: () => void): "done" | "more" | "busy" {
    this.#arena.state[Word.Protocol] = protocol;
    this.#textBytes = 0;
    for (let batch = 0; batch < BATCHES_PER_TURN && this.#textBytes < TEXT_BYTES_PER_TURN; batch++) {
      const count = this.#arena.receive(socket);
      if (count === 0) return "done";
      if (!this.write(count, resumed)) return "busy";
    }
    return "more";
  }

  /** Writes the messages in the first `count` slots. `false` when the writer is busy before the end. */
  write(count: number, resumed: () => void): boolean {
    for (let slot = 0; slot < count; ) {
      slot = this.#addBatch(slot, count);
      if (this.#writer.empty) continue;
      const goOn = () => {
        if (this.write(count, resumed)) resumed();
      };
      if (!this.#writer.commit(Kind.Slots, goOn)) return false;
    }
    return true;
  }

  /** Adds messages from slot `first` on, as many as fit; returns the slot after the last. */
  #addBatch(first: number, count: number): number {
    const { state } = this.#arena;
    const { at, bytes } = this.#stamps.refresh();
    state[Word.SlotFrom] = first;
    const found = this.#found;
    if (this.#formatter.asIs && state[Word.Protocol] === Protocol.Syslog) this.#arena.find(count, found);
    else found.fill(-1);
    let slot = first;
    for (; slot < count; slot++) {
      const route = this.#routes[(found[3 * slot] as number) >> 3];
      if (route !== undefined) {
        this.#writer.add(at, bytes, found[3 * slot + 1] as number, found[3 * slot + 2] as number, route);
        continue;
      }
      const length = this.#arena.slotLength(slot);
      if (length === 0) continue;
      const kept = Math.min(length, SLOT_BYTES + REST_BYTES);
      if (!this.#writer.empty && !this.#writer.fits(1, kept * TEXT_BYTES_PER_BYTE + 8192)) break;
      this.#textBytes += kept;
      this.#addAsText(slot, length - kept);
    }
    state[Word.SlotEnd] = slot;
    return slot;
  }

  #addAsText(slot: number, cutBytes: number): void {
    const pid = this.#arena.slotPid(slot);
    const journal = this.#arena.state[Word.Protocol] === Protocol.Journal;
    const max = journal ? SLOT_BYTES + REST_BYTES : MAX_HEADER + SLOT_BYTES;
    const { start, rest: after } = this.#arena.slotText(slot, max);
    const rest = { from: after.from, end: this.#endOf(after) };
    let message: SyslogMessage;
    if (journal) {
      message = parseJournalMessage(start);
      message = { ...message, text: withoutEnd(message.text) };
    } else {
      message = parseSyslog(rest.end > rest.from ? start : withoutEnd(start), this.#stamps.host);
    }
    if (message.tag === "" && pid > 0)
      message = { ...message, tag: this.#nameOf(pid), pid: message.pid || String(pid) };
    if (!this.#admits(message.tag)) return;
    const route = this.#routes[message.priority >> 3] ?? routeOf(USER);
    this.#formatter.message(message, rest.end > rest.from ? [rest] : [], pid, route, cutBytes);
  }

  /** Where a range of the arena ends without the newlines and NULs at its end. */
  #endOf({ from, end }: Range): number {
    const { bytes } = this.#arena;
    const least = Math.max(from, end - MAX_END);
    let at = end;
    while (at > least && (bytes[at - 1] === NEWLINE || bytes[at - 1] === 0)) at--;
    return at;
  }

  #admits(tag: Bytes): boolean {
    if (this.#limitOf === null) return true;
    let limit = this.#limits.get(tag);
    if (limit === undefined) {
      if (this.#limits.size === MAX_LIMITS) this.tellDropped();
      limit = this.#limitOf(tag);
      this.#limits.set(tag, limit);
    }
    return limit.admit();
  }

  /** Reports what the limits have dropped until now, and starts all counts again. */
  tellDropped(): void {
    for (const limit of this.#limits.values()) limit.tell();
    this.#limits.clear();
  }

  /** Returns the name of the program that runs as `pid`. A sender that has ended has none. */
  #nameOf(pid: number): Bytes {
    const name = readFile(this.#arena.sys, `/proc/${pid}/comm`, 64);
    return typeof name === "string" && name.trim() !== "" ? name.trim() : "unknown";
  }
}

/** Leaves out the newlines and NULs that senders end a message with. */
function withoutEnd(text: Bytes): Bytes {
  const least = Math.max(0, text.length - MAX_END);
  let end = text.length;
  while (end > least && (text.charCodeAt(end - 1) === NEWLINE || text.charCodeAt(end - 1) === 0)) end--;
  return text.slice(0, end);
}

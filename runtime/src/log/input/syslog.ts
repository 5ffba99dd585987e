import { parseJournalMessage } from "../../../../lib/log/journal.ts";
import { routeOf } from "../../../../lib/log/routes.ts";
import { FACILITIES, parseSyslog } from "../../../../lib/log/syslog.ts";
import { readFile } from "../../base/files.ts";
import type { Bytes } from "../../sys.ts";
import { type Arena, Kind, Protocol, REST_BYTES, SLOT_BYTES, SLOTS, Word } from "../memory/arena.ts";
import type { Stamps } from "../memory/stamps.ts";
import type { Formatter } from "../output/formatter.ts";
import type { Writer } from "../output/writer.ts";
import type { RateLimit } from "./rate-limit.ts";

const NEWLINE = 10;
const USER = 1;
/** Room that one message can take as text at most: escaped, to be forwarded, and as parts of JSON with all fields in each. */
const TEXT_BYTES_PER_BYTE = 20;
/** Batches taken before other events get their turn. */
const BATCHES_PER_TURN = 16;
/** Senders whose messages are counted at the same time; with more of them all begin anew. */
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
  /** By tag. */
  readonly #limits = new Map<Bytes, RateLimit>();
  readonly #limitOf: ((tag: Bytes) => RateLimit) | null;

  /** @param limitOf makes the limit of one tag; `null` for none */
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
   * Writes what the socket has, in several batches when it has much.
   * @param resumed called when the writer, once busy, is free again
   * @returns `done` when nothing is left, `more` when it is another's turn, `busy` when the writer is
   */
  take(socket: number, protocol: Protocol, resumed: () => void): "done" | "more" | "busy" {
    this.#arena.state[Word.Protocol] = protocol;
    for (let batch = 0; batch < BATCHES_PER_TURN; batch++) {
      const count = this.#arena.receive(socket);
      if (count === 0) return "done";
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
      if (!this.#writer.commit(Kind.Slots, goOn)) return false;
    }
    return true;
  }

  /** Adds messages from slot `first` on; the slot after the last. */
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
      this.#addAsText(slot, length - kept);
    }
    state[Word.SlotEnd] = slot;
    return slot;
  }

  #addAsText(slot: number, cutBytes: number): void {
    const pid = this.#arena.slotPid(slot);
    let raw = this.#arena.slotText(slot);
    let end = raw.length;
    while (end > 0 && (raw.charCodeAt(end - 1) === NEWLINE || raw.charCodeAt(end - 1) === 0)) end--;
    raw = raw.slice(0, end);
    const journal = this.#arena.state[Word.Protocol] === Protocol.Journal;
    let message = journal ? parseJournalMessage(raw) : parseSyslog(raw, this.#stamps.host);
    if (message.tag === "" && pid > 0) message = { ...message, tag: this.#nameOf(pid), pid: String(pid) };
    if (!this.#admits(message.tag)) return;
    this.#formatter.message(message, pid, this.#routes[message.priority >> 3] ?? routeOf(USER), cutBytes);
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

  /** Tells what limits have dropped until now, and begins anew. */
  tellDropped(): void {
    for (const limit of this.#limits.values()) limit.tell();
    this.#limits.clear();
  }

  /** Name of the program that runs as `pid`. A sender that has ended already has none. */
  #nameOf(pid: number): Bytes {
    const name = readFile(this.#arena.sys, `/proc/${pid}/comm`, 64);
    return typeof name === "string" && name.trim() !== "" ? name.trim() : "unknown";
  }
}

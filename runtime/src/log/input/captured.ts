import type { LogSettings } from "../../../../lib/log/settings.ts";
import type { Loop } from "../../base/loop.ts";
import type { Bytes } from "../../sys.ts";
import { type Arena, CHUNK_AT, CHUNK_BYTES, CHUNK_END_AT, Word } from "../memory/arena.ts";
import { EntryWord, entryAt } from "../memory/forget.ts";
import type { Stamps } from "../memory/stamps.ts";
import { ATOMIC_BYTES } from "../output/container-log.ts";
import type { Formatter } from "../output/formatter.ts";
import type { LogFile } from "../output/log-file.ts";
import type { Writer } from "../output/writer.ts";
import { RateLimit } from "./rate-limit.ts";

/** Where an entry holds `NAME: `, the path of the service's file, and the start of a line whose end has not come. */
export const LABEL_AT = 8;
export const LABEL_BYTES = 244;
export const PATH_AT = 256;
const CARRY_AT = 512;
/** A longer line without an end is cut into parts. */
const CARRY_BYTES = 3500;
/** What becomes JSON needs more room: a line can be one byte. */
const JSON_CHUNK_BYTES = 2048;
const NEWLINE = 10;
/** What lines are forwarded as. */
const DAEMON_INFO = 3 * 8 + 6;

/** One service whose stdout and stderr are a pipe that we read. */
export class Captured {
  readonly #arena: Arena;
  readonly #writer: Writer;
  readonly #formatter: Formatter;
  readonly #stamps: Stamps;
  readonly #settings: LogSettings;
  readonly #file: LogFile | null;
  /** `NAME: `, or nothing, of lines in the container's log. */
  readonly #label: Bytes;
  /** Lines go to the container's log as they are, stamp and label before them. */
  readonly #plain: boolean;
  readonly name: Bytes;
  /** Its pipe, -1 when the service is gone. */
  readonly fd: number;
  readonly entry: number;
  /** Most that is taken from the pipe at once. */
  readonly chunkBytes: number;
  readonly limit: RateLimit;

  constructor(
    parts: {
      arena: Arena;
      loop: Loop;
      writer: Writer;
      formatter: Formatter;
      stamps: Stamps;
      warn: (text: string) => void;
    },
    service: { name: Bytes; fd: number; entry: number; settings: LogSettings; file: LogFile | null },
  ) {
    this.#arena = parts.arena;
    this.#writer = parts.writer;
    this.#formatter = parts.formatter;
    this.#stamps = parts.stamps;
    this.#settings = service.settings;
    this.#file = service.file;
    this.name = service.name;
    this.fd = service.fd;
    this.entry = service.entry;
    this.#label = service.settings.prefix ? `${service.name}: ` : "";
    const asText = service.settings.format === "json" || service.settings.forward !== null;
    this.#plain = !asText;
    this.chunkBytes = asText ? JSON_CHUNK_BYTES : CHUNK_BYTES;
    this.limit = new RateLimit(parts.loop, service.settings.rate, `service ${service.name}`, parts.warn);
  }

  /** Writes what the pipe has, one chunk of it. */
  take(resumed: () => void): "done" | "more" | "busy" {
    const { sys, fd, bytes, state } = this.#arena;
    state[Word.ChunkEntry] = this.entry;
    this.#arena.clearChunk();
    const taken = sys.splice(this.fd, fd, bytes, CHUNK_END_AT, this.chunkBytes);
    if (taken <= 0) return "done";
    return this.write(resumed) ? "more" : "busy";
  }

  /** Writes the chunk that is there. `false` when the writer is busy before its end. */
  write(resumed: () => void): boolean {
    const { words, bytes } = this.#arena;
    const end = this.#arena.chunkEnd;
    const at = entryAt(this.entry);
    const carried = words[at / 4 + EntryWord.CarryBytes] as number;
    const carryAt = at + CARRY_AT;
    let lineEnd = end;
    while (lineEnd > CHUNK_AT && bytes[lineEnd - 1] !== NEWLINE) lineEnd--;
    if (lineEnd === CHUNK_AT && carried + end - CHUNK_AT <= CARRY_BYTES) {
      this.#carry(carryAt + carried, CHUNK_AT, end - CHUNK_AT, carried + end - CHUNK_AT);
      return this.#writer.commitTo(null, 0, 0, 0, 0, resumed);
    }
    // The rest of a very long line stays unfinished in the file and becomes lines of its own in the container's log.
    if (end - lineEnd > CARRY_BYTES) lineEnd = end;
    this.#carry(carryAt, lineEnd, end - lineEnd, end - lineEnd);
    this.#stamps.refresh();
    this.#writer.apart();
    const list = this.#arena.listAt(1);
    const [listEnd, total, lines] = this.#lay(carryAt, carried, CHUNK_AT, lineEnd, list);
    if (this.#file !== null) this.#file.whole = bytes[lineEnd - 1] === NEWLINE;
    return this.#writer.commitTo(this.#file, list, listEnd, total, lines, resumed);
  }

  /** Writes the start of a line whose end will not come. */
  finish(resumed: () => void): boolean {
    const at = entryAt(this.entry);
    if ((this.#arena.words[at / 4 + EntryWord.CarryBytes] as number) === 0) return true;
    this.#arena.state[Word.ChunkEntry] = this.entry;
    this.#arena.clearChunk();
    this.#arena.poke(CHUNK_AT, "\n");
    this.#arena.state[Word.ChunkEnd] = CHUNK_AT + 1;
    return this.write(resumed);
  }

  #carry(to: number, from: number, length: number, total: number): void {
    const { state } = this.#arena;
    state[Word.CarryTo] = to;
    state[Word.CarryFrom] = from;
    state[Word.CarryBytes] = length;
    state[Word.CarryTotal] = total;
  }

  /** Lays out the carried start of a line and `[from, end)`: the file's list, and the container's lines. */
  #lay(
    carryAt: number,
    carried: number,
    from: number,
    end: number,
    list: number,
  ): [listEnd: number, total: number, lines: number] {
    const { words, bytes, sys } = this.#arena;
    const stamped = this.#file !== null && this.#settings.timestamp === "iso" ? this.#stamps.stampBytes : 0;
    let listEnd = list;
    let total = 0;
    let lines = 0;
    const add = (at: number, length: number) => {
      if (length === 0) return;
      words[listEnd] = at;
      words[listEnd + 1] = length;
      listEnd += 2;
      total += length;
    };
    const limited = this.#settings.rate > 0;
    const [writer, plain] = [this.#writer, this.#plain];
    const prefix = plain ? this.#arena.peek(this.#stamps.at, this.#stamps.at + this.#head) + this.#label : "";
    const [prefixAt, prefixBytes] = [writer.place(prefix), prefix.length];
    let raw = from;
    let carry = carried;
    for (let at = from; at < end; ) {
      const newline = sys.find(bytes, at, end, NEWLINE);
      const next = newline < 0 ? end : newline + 1;
      if (!limited || this.limit.admit()) {
        lines++;
        if (stamped > 0) {
          add(this.#stamps.at, stamped);
          add(carryAt, carry);
          add(at, next - at);
        } else if (carry > 0) {
          add(carryAt, carry);
        }
        // Nearly every line: what is done for it here decides how much a service can say.
        if (plain && carry === 0 && newline >= 0 && prefixBytes + next - at <= ATOMIC_BYTES)
          writer.spans(prefixAt, prefixBytes, at, next - at);
        else this.#show(carryAt, carry, at, next);
      } else if (stamped === 0) {
        add(raw, at - raw);
        raw = next;
      }
      carry = 0;
      at = next;
    }
    if (stamped === 0) add(raw, end - raw);
    return [listEnd, total, lines];
  }

  /** Bytes of stamp and host in the container's log. */
  get #head(): number {
    return this.#settings.timestamp === "off" ? 0 : this.#stamps.bytes;
  }

  /** One line of the container's log, or several when it is long. */
  #show(carryAt: number, carried: number, from: number, end: number): void {
    const [settings, label] = [this.#settings, this.#label];
    const whole = this.#arena.bytes[end - 1] === NEWLINE;
    const line = this.#arena.peek(carryAt, carryAt + carried) + this.#arena.peek(from, whole ? end - 1 : end);
    if (settings.forward !== null) {
      this.#formatter.forward({ priority: DAEMON_INFO, tag: this.name, pid: "", data: "", text: line });
    }
    if (settings.format === "text") this.#formatter.text(label, label + line, true);
    else this.#formatter.jsonParts({ time: this.#stamps.isoTime(), service: this.name }, "", line);
  }
}

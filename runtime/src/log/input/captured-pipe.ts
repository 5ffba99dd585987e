import type { LogSettings } from "../../../../lib/log/settings.ts";
import type { Loop } from "../../base/loop.ts";
import type { Bytes } from "../../sys.ts";
import { type Arena, CHUNK_AT, CHUNK_BYTES, CHUNK_END_AT, type Range, Word } from "../memory/arena.ts";
import { CARRY_AT, CARRY_BYTES, EntryWord, entryAt, entryWord } from "../memory/entries.ts";
import type { SpanList } from "../memory/spans.ts";
import type { Stamps } from "../memory/stamps.ts";
import { ATOMIC_BYTES } from "../output/container-log.ts";
import type { Formatter, Text } from "../output/formatter.ts";
import type { LogFile } from "../output/log-file.ts";
import type { Writer } from "../output/writer.ts";
import { RateLimit } from "./rate-limit.ts";

/** Chunks that become JSON are smaller: the text of a line of one byte takes much more. */
const JSON_CHUNK_BYTES = 2048;
/** A line of this size is handled as one text. */
const SHORT_BYTES = 1024;
const NEWLINE = 10;
/** Priority of forwarded lines: `daemon.info`. */
const DAEMON_INFO = 3 * 8 + 6;

/** The pipe of one service whose stdout and stderr are captured. */
export class CapturedPipe {
  readonly #arena: Arena;
  readonly #writer: Writer;
  readonly #formatter: Formatter;
  readonly #stamps: Stamps;
  readonly #settings: LogSettings;
  readonly #file: LogFile | null;
  /** `NAME: ` or nothing, before each line in the container's log. */
  readonly #label: Bytes;
  /** Lines go to the container's log as they are, after stamp and label. */
  readonly #plain: boolean;
  /** Whether the rate limit has let the start of the last line through. */
  #admitted = true;
  readonly name: Bytes;
  /** The pipe's descriptor; -1 when the service is gone. */
  readonly fd: number;
  readonly entry: number;
  /** Most bytes that one {@link take} reads. */
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
    if (this.#file !== null) this.#file.whole = !this.#torn;
  }

  /** Whether the part of a line that was written last goes on. */
  get #torn(): boolean {
    return this.#arena.words[entryWord(this.entry, EntryWord.Torn)] === 1;
  }

  get #carriedBytes(): number {
    return this.#arena.words[entryWord(this.entry, EntryWord.CarryBytes)] as number;
  }

  /** Reads one chunk from the pipe and writes it. */
  take(resumed: () => void): "done" | "more" | "busy" {
    const { sys, fd, bytes, state } = this.#arena;
    state[Word.ChunkEntry] = this.entry;
    this.#arena.clearChunk();
    const taken = sys.splice(this.fd, fd, bytes, CHUNK_END_AT, this.chunkBytes);
    if (taken <= 0) return "done";
    return this.write(resumed) ? "more" : "busy";
  }

  /** Writes the chunk that is in the arena. `false` when the writer is busy before its end. */
  write(resumed: () => void): boolean {
    const { bytes, state } = this.#arena;
    const end = this.#arena.chunkEnd;
    const carryAt = entryAt(this.entry) + CARRY_AT;
    const carried = this.#carriedBytes;
    let lineEnd = end;
    while (lineEnd > CHUNK_AT && bytes[lineEnd - 1] !== NEWLINE) lineEnd--;
    if (lineEnd === CHUNK_AT && carried + end - CHUNK_AT <= CARRY_BYTES) {
      this.#carry(carryAt + carried, { from: CHUNK_AT, end }, carried + end - CHUNK_AT);
      state[Word.Torn] = Number(this.#torn);
      return this.#writer.commitTo(null, null, resumed);
    }
    // A line that the carry cannot hold is written in parts: it stays one line in the file and becomes several in the container's log.
    if (lineEnd === CHUNK_AT || end - lineEnd > CARRY_BYTES) lineEnd = end;
    this.#carry(carryAt, { from: lineEnd, end }, end - lineEnd);
    this.#stamps.refresh();
    this.#writer.apart();
    const list = this.#lay({ from: carryAt, end: carryAt + carried }, { from: CHUNK_AT, end: lineEnd });
    const torn = bytes[lineEnd - 1] !== NEWLINE;
    state[Word.Torn] = Number(torn);
    if (this.#file !== null) this.#file.whole = !torn;
    return this.#writer.commitTo(this.#file, list, resumed);
  }

  /** Ends a line whose end will not come. `false` when the writer is busy. */
  finish(resumed: () => void): boolean {
    if (this.#carriedBytes === 0 && !this.#torn) return true;
    this.#arena.state[Word.ChunkEntry] = this.entry;
    this.#arena.clearChunk();
    this.#arena.poke(CHUNK_AT, "\n");
    this.#arena.state[Word.ChunkEnd] = CHUNK_AT + 1;
    return this.write(resumed);
  }

  /** Notes what {@link forget} copies into the carry. @param total bytes of the carry after that */
  #carry(to: number, { from, end }: Range, total: number): void {
    const { state } = this.#arena;
    state[Word.CarryTo] = to;
    state[Word.CarryFrom] = from;
    state[Word.CarryBytes] = end - from;
    state[Word.CarryTotal] = total;
  }

  /** Lays out the carry and the chunk's lines: the returned list for the file, the others for the container's log. */
  #lay(carry: Range, chunk: Range): SpanList {
    const { words, bytes, sys } = this.#arena;
    const stamped = this.#file !== null && this.#settings.timestamp === "iso" ? this.#stamps.stampBytes : 0;
    const list = this.#arena.listAt(1);
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
    const { end } = chunk;
    let raw = chunk.from;
    let carried = carry.end - carry.from;
    let torn = this.#torn;
    for (let at = chunk.from; at < end; ) {
      const newline = sys.find(bytes, at, end, NEWLINE);
      const next = newline < 0 ? end : newline + 1;
      // The rest of a line goes where its start went.
      if (limited && !torn) this.#admitted = this.limit.admit();
      if (!limited || this.#admitted) {
        lines++;
        if (stamped > 0) {
          if (!torn) add(this.#stamps.at, stamped);
          add(carry.from, carried);
          add(at, next - at);
        } else if (carried > 0) {
          add(carry.from, carried);
        }
        // Nearly every line takes the first way: what is done for it here decides how much a service can say.
        if (plain && carried === 0 && newline >= 0 && !torn && prefixBytes + next - at <= ATOMIC_BYTES)
          writer.spans(prefixAt, prefixBytes, at, next - at);
        // Each part of a torn line is a line there already: its newline is not another one.
        else if (!torn || carried > 0 || newline !== at)
          this.#show({ from: carry.from, end: carry.from + carried }, { from: at, end: next });
      } else if (stamped === 0) {
        add(raw, at - raw);
        raw = next;
      }
      carried = 0;
      torn = false;
      at = next;
    }
    if (stamped === 0) add(raw, end - raw);
    return { from: list, end: listEnd, bytes: total, lines };
  }

  /** Bytes of stamp and host in the container's log. */
  get #head(): number {
    return this.#settings.timestamp === "off" ? 0 : this.#stamps.bytes;
  }

  /** Lays out one line for the container's log, or several when it is long. */
  #show(carry: Range, { from, end }: Range): void {
    const [settings, formatter] = [this.#settings, this.#formatter];
    const rest = { from, end: this.#arena.bytes[end - 1] === NEWLINE ? end - 1 : end };
    const line = carry.end > carry.from ? this.#writer.join([carry, rest]) : rest;
    if (settings.forward !== null) {
      const message = { priority: DAEMON_INFO, host: "", tag: this.name, pid: "", msgid: "", data: "", text: "" };
      formatter.forward(message, [line]);
    }
    if (settings.format === "text") formatter.text(this.#label, line);
    else formatter.json({ time: this.#stamps.isoTime(), service: this.name }, "", this.#textOf(line), "");
  }

  #textOf(line: Range): Text {
    const short = line.end - line.from <= SHORT_BYTES;
    return short ? { start: this.#arena.peek(line.from, line.end), rest: [] } : { start: "", rest: [line] };
  }
}

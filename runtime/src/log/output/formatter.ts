import { frameHead, MAX_FRAME_BYTES } from "../../../../lib/log/frame.ts";
import { jsonLine } from "../../../../lib/log/json.ts";
import type { LogSettings } from "../../../../lib/log/settings.ts";
import { FACILITIES, prefixOf, SEVERITIES, type SyslogMessage } from "../../../../lib/log/syslog.ts";
import type { Bytes, Sys } from "../../sys.ts";
import type { Arena, Range } from "../memory/arena.ts";
import type { Stamps } from "../memory/stamps.ts";
import { ATOMIC_BYTES } from "./container-log.ts";
import type { Writer } from "./writer.ts";

/** Ends a part of a line that goes on in the next one. */
const GOES_ON = " ...";
/** Starts the next part. */
const CONTINUED = "... ";
/** Text is escaped in pieces of this size at most: a larger string costs the kernel a mapping. */
const PIECE_BYTES = 2048;
/** Most bytes of JSON that one byte of text becomes. */
const JSON_BYTES_PER_BYTE = 6;

type Fields = Readonly<Record<string, Bytes | number>>;

/** A text: its start, and the places in the arena of what follows. */
export interface Text {
  readonly start: Bytes;
  readonly rest: readonly Range[];
}

/** Lays out messages that cannot be written as they came, for files, for the container's log and for forwarding. */
export class Formatter {
  readonly #sys: Sys;
  readonly #arena: Arena;
  readonly #writer: Writer;
  readonly #stamps: Stamps;
  readonly #settings: LogSettings;
  /** Whether lines of the container's log read as those of the files do. */
  readonly same: boolean;
  /** Whether lines may be written as they came: nobody needs them, or their tags, as text. */
  readonly asIs: boolean;

  constructor(arena: Arena, writer: Writer, stamps: Stamps, settings: LogSettings) {
    this.#sys = arena.sys;
    this.#arena = arena;
    this.#writer = writer;
    this.#stamps = stamps;
    this.#settings = settings;
    this.same = settings.format === "text" && settings.timestamp !== "off";
    this.asIs = this.same && settings.forward === null && settings.rate === 0;
  }

  /**
   * Adds a message, with the route of its files.
   * @param rest places in the arena of the text that follows the message's own
   * @param cutBytes bytes of the message's end that are lost
   */
  message(message: SyslogMessage, rest: readonly Range[], pid: number, route: number, cutBytes: number): void {
    const cut = cutBytes > 0 ? `${GOES_ON} (${cutBytes} bytes cut off)` : "";
    const text = { start: message.text, rest };
    const prefix = this.#escape(prefixOf(message));
    const from = this.#writer.place(prefix);
    const textEnd = this.#placeText(text, cut);
    const end = this.#writer.place("\n") + 1;
    if (this.#settings.forward !== null) this.#forward(message, { from: from + prefix.length, end: textEnd });
    const { at, bytes } = this.#stamps;
    if (this.same && end - from + bytes <= ATOMIC_BYTES) {
      this.#writer.add(at, bytes, from, end, route);
      return;
    }
    this.#writer.addToFiles(at, bytes, from, end, route);
    const name = message.tag === "" ? "" : prefix.slice(0, prefix.indexOf(": ") + 2);
    if (this.#settings.format === "json") this.#json(message, text, pid, cut);
    else this.text(name, { from: from + name.length, end: textEnd });
  }

  /** Adds a message to what is forwarded, if anything is. Its text is in the arena. */
  forward(message: SyslogMessage, rest: readonly Range[]): void {
    if (this.#settings.forward === null) return;
    const from = this.#writer.place("");
    this.#forward(message, { from, end: this.#placeText({ start: message.text, rest }, "") });
  }

  /** @param text place of the escaped text */
  #forward(message: SyslogMessage, { from, end }: Range): void {
    const head = frameHead(message, this.#stamps.isoTime(), this.#stamps.host, (text) => this.#escape(text));
    const length = Math.min(MAX_FRAME_BYTES, head.length + end - from);
    this.#writer.forward(`${length} ${head}`, { from, end: from + length - head.length });
  }

  /** Adds a line to the container's log alone, in as many parts as it takes. @param name what each part starts with */
  text(name: Bytes, { from, end }: Range): void {
    const writer = this.#writer;
    const head = this.#settings.timestamp === "off" ? 0 : this.#stamps.bytes;
    const room = ATOMIC_BYTES - head - name.length - CONTINUED.length - GOES_ON.length - 1;
    const span = (text: Bytes) => writer.span(writer.place(text), text.length);
    for (let at = from; at === from || at < end; ) {
      const next = end - at <= room ? end : this.#wholeCharacters(at + room);
      if (head > 0) writer.span(this.#stamps.at, head);
      span(at === from ? name : name + CONTINUED);
      writer.span(at, next - at);
      span(next < end ? `${GOES_ON}\n` : "\n");
      if (next === end) return;
      at = next;
    }
  }

  #json(message: SyslogMessage, text: Text, pid: number, cut: Bytes): void {
    const { priority, host, tag, pid: claimed, msgid, data } = message;
    const fields = {
      time: this.#stamps.isoTime(),
      host: host || this.#stamps.host,
      facility: FACILITIES[priority >> 3] ?? "",
      severity: SEVERITIES[priority & 7] ?? "",
      tag,
      pid: claimed !== "" ? claimed : pid > 0 ? pid : "",
      msgid,
    };
    this.json(fields, data, text, cut);
  }

  /** Adds a line of JSON to the container's log alone, or several with numbered parts of the text when it is long. */
  json(fields: Fields, data: Bytes, { start, rest }: Text, cut: Bytes): void {
    const writer = this.#writer;
    const escaper = (text: Bytes) => this.#sys.escape(text, true);
    if (rest.length === 0 && start.length <= PIECE_BYTES) {
      const line = jsonLine({ ...fields, data, message: start + cut }, escaper);
      if (line.length <= ATOMIC_BYTES) {
        writer.span(writer.place(line), line.length);
        return;
      }
    }
    const head = jsonLine({ ...fields, message: "-" }, escaper).slice(0, -'-"}\n'.length);
    const tail = (part: number, parts: number) => `","part":${part},"parts":${parts}}\n`;
    const room = ATOMIC_BYTES - head.length - tail(999, 999).length;
    const parts: Range[] = [];
    let from = writer.place("");
    let end = from;
    const add = (piece: Bytes) => {
      const escaped = escaper(piece);
      if (end + escaped.length - from > room) {
        parts.push({ from, end });
        from = end;
      }
      end = writer.place(escaped) + escaped.length;
    };
    const whole = { start: data === "" ? start : `${data} ${start}`, rest };
    this.#eachPiece(whole, Math.min(PIECE_BYTES, Math.floor(room / JSON_BYTES_PER_BYTE)), add);
    if (cut !== "") add(cut);
    parts.push({ from, end });
    const headAt = writer.place(head);
    for (const [index, part] of parts.entries()) {
      const last = tail(index + 1, parts.length);
      writer.span(headAt, head.length);
      writer.span(part.from, part.end - part.from);
      writer.span(writer.place(last), last.length);
    }
  }

  #escape(text: Bytes): Bytes {
    return this.#sys.escape(text, false);
  }

  /** Lays out an escaped text and what is said of its end; returns where it ends. */
  #placeText(text: Text, cut: Bytes): number {
    this.#eachPiece(text, PIECE_BYTES, (piece) => this.#writer.place(this.#escape(piece)));
    this.#writer.place(cut);
    return this.#writer.place("");
  }

  /** Calls `use` with the pieces of a text, none of which ends amid a character. */
  #eachPiece({ start, rest }: Text, max: number, use: (piece: Bytes) => void): void {
    let held = start;
    const cutTo = (least: number) => {
      let at = 0;
      while (held.length - at > least) {
        const end = held.length - at <= max ? held.length : wholeCharacters(held, at + max);
        use(held.slice(at, end));
        at = end;
      }
      held = held.slice(at);
    };
    for (const { from, end } of rest) {
      for (let at = from; at < end; at += max) {
        cutTo(max);
        held += this.#arena.peek(at, Math.min(end, at + max));
      }
    }
    cutTo(0);
  }

  /** The place at or shortly before `at` that is not amid a character. */
  #wholeCharacters(at: number): number {
    const { bytes } = this.#arena;
    let end = at;
    while (end > at - 4 && isContinuation(bytes[end] as number)) end--;
    return isContinuation(bytes[end] as number) ? at : end;
  }
}

/** Where a text can be cut, at `at` or shortly before, so that no UTF-8 sequence is torn. */
export function wholeCharacters(text: Bytes, at: number): number {
  let end = at;
  while (end > at - 4 && isContinuation(text.charCodeAt(end))) end--;
  return isContinuation(text.charCodeAt(end)) ? at : end;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

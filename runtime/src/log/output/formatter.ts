import { frameMessage } from "../../../../lib/log/frame.ts";
import { jsonLine } from "../../../../lib/log/json.ts";
import type { LogSettings } from "../../../../lib/log/settings.ts";
import { FACILITIES, formatText, SEVERITIES, type SyslogMessage } from "../../../../lib/log/syslog.ts";
import type { Bytes } from "../../sys.ts";
import type { Stamps } from "../memory/stamps.ts";
import { ATOMIC_BYTES } from "./container-log.ts";
import type { Writer } from "./writer.ts";

/** Ends a part of a line that goes on in the next, and starts that next one. */
const GOES_ON = " ...";
const CONTINUED = "... ";

/** Lays out messages that have to be made as text, for files and for the container's log. */
export class Formatter {
  readonly #writer: Writer;
  readonly #stamps: Stamps;
  readonly #settings: LogSettings;
  /** Whether lines of the container's log read as those of the files do. */
  readonly same: boolean;
  /** Whether lines may be written as they came: nobody needs them, or their tags, as text. */
  readonly asIs: boolean;

  constructor(writer: Writer, stamps: Stamps, settings: LogSettings) {
    this.#writer = writer;
    this.#stamps = stamps;
    this.#settings = settings;
    this.same = settings.format === "text" && settings.timestamp !== "off";
    this.asIs = this.same && settings.forward === null && settings.rate === 0;
  }

  /** Adds a message, with the route of its files. @param cutBytes how much of its end was lost */
  message(message: SyslogMessage, pid: number, route: number, cutBytes: number): void {
    const cut = cutBytes > 0 ? `${GOES_ON} (${cutBytes} bytes cut off)` : "";
    this.forward({ ...message, text: message.text + cut });
    const text = formatText(message) + cut;
    const from = this.#writer.place(`${text}\n`);
    const end = from + text.length + 1;
    const { at, bytes } = this.#stamps;
    if (this.same && text.length + 1 + bytes <= ATOMIC_BYTES) {
      this.#writer.add(at, bytes, from, end, route);
      return;
    }
    this.#writer.addToFiles(at, bytes, from, end, route);
    if (this.#settings.format === "json") this.#json(message, pid, cut);
    else this.text(message.tag === "" ? "" : text.slice(0, text.indexOf(": ") + 2), text, true);
  }

  /** Adds a message to what is forwarded, if anything is. */
  forward(message: SyslogMessage): void {
    if (this.#settings.forward === null) return;
    this.#writer.forward(frameMessage(message, this.#stamps.isoTime(), this.#stamps.host));
  }

  /** Adds a line to the container's log alone, in as many parts as it takes. @param name what each part starts with */
  text(name: Bytes, line: Bytes, host: boolean): void {
    const head = this.#settings.timestamp !== "off" && host ? this.#stamps.bytes : 0;
    const room = ATOMIC_BYTES - head - name.length - CONTINUED.length - GOES_ON.length - 1;
    let rest = line.slice(name.length);
    for (let first = true; first || rest !== ""; first = false) {
      const length = rest.length <= room ? rest.length : wholeCharacters(rest, room);
      const part = `${name}${first ? "" : CONTINUED}${rest.slice(0, length)}${length < rest.length ? GOES_ON : ""}\n`;
      if (head > 0) this.#writer.span(this.#stamps.at, head);
      this.#writer.span(this.#writer.place(part), part.length);
      rest = rest.slice(length);
    }
  }

  #json({ priority, tag, pid: claimed, data, text }: SyslogMessage, pid: number, cut: Bytes): void {
    const fields = {
      time: this.#stamps.isoTime(),
      host: this.#stamps.host,
      facility: FACILITIES[priority >> 3] ?? "",
      severity: SEVERITIES[priority & 7] ?? "",
      tag,
      pid: claimed !== "" ? claimed : pid > 0 ? pid : "",
    };
    this.jsonParts(fields, data, text + cut);
  }

  /** A line of JSON with these fields, structured data and the text; numbered ones with their parts when it is long. */
  jsonParts(fields: Readonly<Record<string, Bytes | number>>, data: Bytes, text: Bytes): void {
    const whole = jsonLine({ ...fields, data, message: text });
    const lines = whole.length <= ATOMIC_BYTES ? [whole] : partsOf(fields, data === "" ? text : `${data} ${text}`);
    for (const line of lines) this.#writer.span(this.#writer.place(line), line.length);
  }
}

function partsOf(fields: Readonly<Record<string, Bytes | number>>, text: Bytes): Bytes[] {
  const room = ATOMIC_BYTES - jsonLine({ ...fields, message: "-", part: 999, parts: 999 }).length;
  const parts: Bytes[] = [];
  for (let rest = text; rest !== ""; rest = rest.slice(parts[parts.length - 1]?.length)) {
    let length = Math.min(rest.length, room);
    while (jsonLine({ x: rest.slice(0, length) }).length > room) length >>= 1;
    parts.push(rest.slice(0, length < rest.length ? wholeCharacters(rest, length) : length));
  }
  return parts.map((message, index) => jsonLine({ ...fields, message, part: index + 1, parts: parts.length }));
}

/** The most bytes, `max` at most, after which no UTF-8 sequence is torn. */
export function wholeCharacters(text: Bytes, max: number): number {
  let end = max;
  while (end > max - 4 && (text.charCodeAt(end) & 0xc0) === 0x80) end--;
  return (text.charCodeAt(end) & 0xc0) === 0x80 ? max : end;
}

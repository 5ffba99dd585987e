import type { Bytes } from "../text/bytes.ts";
import type { Escaper } from "./escape.ts";

/** Names of the facilities by their numbers, the first 16 as `logger -p` takes them. @see RFC 5424, section 6.2.1 */
export const FACILITIES: readonly string[] = [
  ..."kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock".split(" "),
  ..."local0 local1 local2 local3 local4 local5 local6 local7".split(" "),
];

/** Names of the severities by their numbers. */
export const SEVERITIES: readonly string[] = "emerg alert crit err warning notice info debug".split(" ");

/** `user.notice`: the priority of a message that has none of its own. @see RFC 3164, section 4.3.3 */
export const DEFAULT_PRIORITY = 13;

/** A message as its sender meant it. Every text may hold any byte. */
export interface SyslogMessage {
  /** Facility times 8 plus severity. */
  readonly priority: number;
  /** The sender's machine (RFC 5424), `""` when it is this one. */
  readonly host: Bytes;
  /** The program's name, `""` when the sender gave none. */
  readonly tag: Bytes;
  /** The process id as the sender wrote it, `""` without one. */
  readonly pid: Bytes;
  /** The kind of message (RFC 5424), `""` without one. */
  readonly msgid: Bytes;
  /** Structured data (RFC 5424), `""` without. */
  readonly data: Bytes;
  readonly text: Bytes;
}

/** Structured data that senders add by themselves: lines of text leave it out. @see RFC 5424, section 7 */
const COMMON_DATA = ["timeQuality", "origin", "meta"];
const BYTE_ORDER_MARK = "\xef\xbb\xbf";
/** Longest tag, pid or message id. RFC 3164 allows tags of 32 characters, RFC 5424 of 48; programs with long names send more. */
export const MAX_TAG = 128;
/** Longest structured data. */
const MAX_DATA = 4096;
/** The text of a message starts before this byte, whatever its header is. */
export const MAX_HEADER = MAX_DATA + 1024;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** Longest stamp. */
const STAMP_BYTES = 40;

/**
 * Reads a message in any form that local senders use: RFC 5424, RFC 3164 with or without host and stamp, or plain text. Anything that
 * does not look like a header is text, so no part of a message is lost. The stamp is left out: the log has the time of arrival.
 * @param host this machine's name, which senders may write into the message
 */
export function parseSyslog(raw: Bytes, host: Bytes): SyslogMessage {
  const [priority, at] = readPriority(raw);
  const text = raw.slice(at);
  return readRfc5424(priority, text, host) ?? readRfc3164(priority, text, host);
}

function readPriority(raw: Bytes): [priority: number, length: number] {
  const end = raw.indexOf(">");
  if (raw[0] !== "<" || end < 2 || end > 4) return [DEFAULT_PRIORITY, 0];
  let priority = 0;
  for (let i = 1; i < end; i++) {
    const digit = raw.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return [DEFAULT_PRIORITY, 0];
    priority = priority * 10 + digit;
  }
  return priority < FACILITIES.length * 8 ? [priority, end + 1] : [DEFAULT_PRIORITY, 0];
}

/** Reads `1 STAMP HOST APP PROCID MSGID DATA [MSG]`; `null` for any other form. @see RFC 5424, section 6 */
function readRfc5424(priority: number, text: Bytes, own: Bytes): SyslogMessage | null {
  if (!text.startsWith("1 ")) return null;
  const fields: Bytes[] = [];
  let at = 2;
  for (let i = 0; i < 5; i++) {
    const end = text.indexOf(" ", at);
    if (end < 0) return null;
    fields.push(text[at] === "-" && end === at + 1 ? "" : text.slice(at, end));
    at = end + 1;
  }
  const [stamp, host, tag, pid, msgid] = fields as [Bytes, Bytes, Bytes, Bytes, Bytes];
  if (stamp !== "" && isoStampLength(`${stamp} `) !== stamp.length + 1) return null;
  if ([host, tag, pid, msgid].some((field) => field.length > MAX_TAG)) return null;
  const dataEnd = endOfData(text, at);
  if (dataEnd < 0) return null;
  const message = text.slice(dataEnd + 1);
  return {
    priority,
    host: isThisMachine(host, own) ? "" : host,
    tag,
    pid,
    msgid,
    data: text[at] === "-" ? "" : text.slice(at, dataEnd),
    text: message.startsWith(BYTE_ORDER_MARK) ? message.slice(BYTE_ORDER_MARK.length) : message,
  };
}

/** Whether a host name is this machine's, with or without a domain. */
function isThisMachine(host: Bytes, own: Bytes): boolean {
  return host === own || host === "localhost" || host.startsWith(`${own}.`) || own.startsWith(`${host}.`);
}

/** Returns where the structured data that starts at `at` ends; -1 when there is none, or too much. */
function endOfData(text: Bytes, at: number): number {
  if (text[at] === "-") return text[at + 1] === " " || at + 1 === text.length ? at + 1 : -1;
  const max = Math.min(text.length, at + MAX_DATA);
  let end = at;
  while (text[end] === "[") {
    end = endOfElement(text, end, max);
    if (end < 0) return -1;
  }
  return end > at && (text[end] === " " || end === text.length) ? end : -1;
}

function endOfElement(text: Bytes, at: number, max: number): number {
  let quoted = false;
  for (let i = at + 1; i < max; i++) {
    if (text[i] === "\\" && quoted) i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (text[i] === "]" && !quoted) return i + 1;
  }
  return -1;
}

/** Leaves out what senders add by themselves. */
function meaningfulData(data: Bytes): Bytes {
  let kept = "";
  for (let at = 0; data[at] === "["; ) {
    const end = endOfElement(data, at, data.length);
    const element = data.slice(at, end);
    if (!COMMON_DATA.some((name) => element.startsWith(`[${name} `) || element === `[${name}]`)) kept += element;
    at = end;
  }
  return kept;
}

function readRfc3164(priority: number, text: Bytes, host: Bytes): SyslogMessage {
  let rest = text.slice(stampLength(text));
  if (host !== "" && rest.startsWith(`${host} `) && rest.length < text.length) rest = rest.slice(host.length + 1);
  return { priority, host: "", msgid: "", data: "", ...readTag(rest) };
}

/** Returns the length of a stamp and the blank after it, 0 without one. */
function stampLength(text: Bytes): number {
  // `find_line` of the runtime's sys.c looks for the same form.
  const day = text[4] === " " ? " 9" : "39";
  const isShort = MONTHS.includes(text.slice(0, 3)) && hasForm(text, 3, ` ${day} 29:59:69 `);
  return isShort ? 16 : isoStampLength(text);
}

/** Returns the length of a stamp of RFC 5424 and the blank after it, 0 without one. The older form has it as well, also without zone. */
function isoStampLength(text: Bytes): number {
  if (!hasForm(text, 0, "9999-19-39T29:59:69")) return 0;
  let at = 19;
  if (text[at] === "." || text[at] === ",") for (at++; at < STAMP_BYTES && hasForm(text, at, "9"); ) at++;
  if (text[at] === "Z") at++;
  else if (text[at] === "+" || text[at] === "-") {
    const zone = text[at + 3] === ":" ? "29:59" : "2959";
    if (!hasForm(text, at + 1, zone)) return 0;
    at += 1 + zone.length;
  }
  return text[at] === " " ? at + 1 : 0;
}

/** Whether a text has a form at `at`: a digit of the form stands for all digits up to it, any other character for itself. */
function hasForm(text: Bytes, at: number, form: string): boolean {
  for (let i = 0; i < form.length; i++) {
    const [c, most] = [text[at + i] ?? "", form[i] as string];
    const isDigit = most >= "0" && most <= "9";
    if (isDigit ? c < "0" || c > most : c !== most) return false;
  }
  return true;
}

/** Reads `TAG: text`, `TAG[PID]: text` or a text without a tag. */
function readTag(text: Bytes): { tag: Bytes; pid: Bytes; text: Bytes } {
  let end = 0;
  while (end < text.length && end < MAX_TAG && !" :[<\t\n".includes(text[end] as string)) end++;
  const tag = text.slice(0, end);
  let pid = "";
  if (text[end] === "[") {
    const close = text.indexOf("]", end);
    pid = close < 0 || close - end > MAX_TAG ? "" : text.slice(end + 1, close);
    if (pid !== "") end = close + 1;
  }
  // `http://…` is no tag.
  const blank = text[end + 1] === " ";
  if (tag === "" || text[end] !== ":" || !(blank || end + 1 === text.length || pid !== ""))
    return { tag: "", pid: "", text };
  return { tag, pid, text: text.slice(end + (blank ? 2 : 1)) };
}

/** Returns what stands before the text of a message in a line: `TAG[PID]: MSGID `, the parts that it has. */
export function nameOf({ tag, pid, msgid }: SyslogMessage): Bytes {
  const name = tag === "" && pid === "" ? "" : `${tag || "-"}${pid === "" ? "" : `[${pid}]`}: `;
  return `${name}${msgid === "" ? "" : `${msgid} `}`;
}

/** Returns all that stands before the text of a message in a line: `[HOST ]TAG[PID]: [MSGID ][DATA ]`. Control bytes are not escaped. */
export function prefixOf(message: SyslogMessage): Bytes {
  const data = meaningfulData(message.data);
  return `${message.host === "" ? "" : `${message.host} `}${nameOf(message)}${data === "" ? "" : `${data} `}`;
}

/** Returns a message's own part of a line, safe to print. */
export function formatText(message: SyslogMessage, escaper: Escaper): Bytes {
  return escaper(prefixOf(message) + message.text, false);
}

import type { Bytes } from "../text/bytes.ts";

/** Names of the facilities by their numbers, the first 16 as `logger -p` takes them. @see RFC 5424, section 6.2.1 */
export const FACILITIES: readonly string[] = [
  ..."kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock".split(" "),
  ..."local0 local1 local2 local3 local4 local5 local6 local7".split(" "),
];

/** Names of the severities by their numbers. */
export const SEVERITIES: readonly string[] = "emerg alert crit err warning notice info debug".split(" ");

/** `user.notice`: what a message without a priority of its own counts as. @see RFC 3164, section 4.3.3 */
export const DEFAULT_PRIORITY = 13;

/** A message as its sender meant it. Every text may hold any byte. */
export interface SyslogMessage {
  /** Facility times 8 plus severity. */
  readonly priority: number;
  /** The program's name, `""` when the sender gave none. */
  readonly tag: Bytes;
  /** The process id as the sender wrote it, `""` without one. */
  readonly pid: Bytes;
  /** Structured data that means something (RFC 5424), `""` without. */
  readonly data: Bytes;
  readonly text: Bytes;
}

/** Structured data that senders add by themselves and that tells nothing to a reader of one machine's log. @see RFC 5424, section 7 */
const COMMON_DATA = ["timeQuality", "origin", "meta"];
const BYTE_ORDER_MARK = "\xef\xbb\xbf";
/** A tag is 32 characters at most in RFC 3164, and 48 in RFC 5424; programs with long names send more. What is longer is no tag. */
export const MAX_TAG = 128;

/**
 * Reads a message in any form that local senders use: RFC 5424, RFC 3164 with or without host and stamp, a bare text. What does
 * not look like a header is text, so nothing of a message is lost.
 * @param host this machine's name: a sender that writes it into the message says nothing new
 */
export function parseSyslog(raw: Bytes, host: Bytes): SyslogMessage {
  const [priority, at] = readPriority(raw);
  const text = raw.slice(at);
  return readRfc5424(priority, text) ?? readRfc3164(priority, text, host);
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

/** `1 STAMP HOST APP PROCID MSGID DATA [MSG]`. @see RFC 5424, section 6 */
function readRfc5424(priority: number, text: Bytes): SyslogMessage | null {
  if (!text.startsWith("1 ")) return null;
  const fields: Bytes[] = [];
  let at = 2;
  for (let i = 0; i < 5; i++) {
    const end = text.indexOf(" ", at);
    if (end < 0) return null;
    fields.push(text[at] === "-" && end === at + 1 ? "" : text.slice(at, end));
    at = end + 1;
  }
  const [stamp, , tag, pid] = fields as [Bytes, Bytes, Bytes, Bytes];
  if (stamp !== "" && !(stamp[4] === "-" && stamp.includes("T"))) return null;
  if (tag.length > MAX_TAG || pid.length > MAX_TAG) return null;
  const dataEnd = endOfData(text, at);
  if (dataEnd < 0) return null;
  const message = text.slice(dataEnd + 1);
  return {
    priority,
    tag,
    pid,
    data: meaningfulData(text.slice(at, dataEnd)),
    text: message.startsWith(BYTE_ORDER_MARK) ? message.slice(BYTE_ORDER_MARK.length) : message,
  };
}

/** Where the structured data that starts at `at` ends, or -1 when it is none. */
function endOfData(text: Bytes, at: number): number {
  if (text[at] === "-") return text[at + 1] === " " || at + 1 === text.length ? at + 1 : -1;
  while (text[at] === "[") {
    at = endOfElement(text, at);
    if (at < 0) return -1;
  }
  return text[at] === " " || at === text.length ? at : -1;
}

function endOfElement(text: Bytes, at: number): number {
  let quoted = false;
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\" && quoted) i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (text[i] === "]" && !quoted) return i + 1;
  }
  return -1;
}

function meaningfulData(data: Bytes): Bytes {
  let kept = "";
  for (let at = 0; data[at] === "["; ) {
    const end = endOfElement(data, at);
    const element = data.slice(at, end);
    if (!COMMON_DATA.some((name) => element.startsWith(`[${name} `) || element === `[${name}]`)) kept += element;
    at = end;
  }
  return kept;
}

function readRfc3164(priority: number, text: Bytes, host: Bytes): SyslogMessage {
  let rest = text.slice(stampLength(text));
  if (host !== "" && rest.startsWith(`${host} `) && rest.length < text.length) rest = rest.slice(host.length + 1);
  return { priority, data: "", ...readTag(rest) };
}

/** Length of a stamp and the blank after it: `Mmm dd hh:mm:ss ` or an ISO 8601 one; 0 without. */
function stampLength(text: Bytes): number {
  if (text[3] === " " && text[6] === " " && text[9] === ":" && text[12] === ":" && text[15] === " ") return 16;
  const end = text.indexOf(" ");
  const iso = end >= 19 && text[4] === "-" && text[7] === "-" && text[10] === "T" && text[13] === ":";
  return iso ? end + 1 : 0;
}

/** `TAG: text`, `TAG[PID]: text` or a text without a tag. */
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

/** The text with control characters as `#` and three octal digits, as Debian's rsyslog writes them; a tab stays. */
export function escapeControls(text: Bytes): Bytes {
  if (isPrintable(text)) return text;
  let out = "";
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code >= 0x20 && code !== 0x7f) || code === 9) continue;
    out += `${text.slice(copied, i)}#${code.toString(8).padStart(3, "0")}`;
    copied = i + 1;
  }
  return out + text.slice(copied);
}

/** Whether nothing has to be escaped. JSON is made in C, and how long it is tells that in a sixth of the time of a look at each character. */
function isPrintable(text: Bytes): boolean {
  const count = (c: string) => text.split(c).length - 1;
  const longer = JSON.stringify(text).length - text.length - 2;
  return longer === count('"') + count("\\") + count("\t") && !text.includes("\x7f");
}

/** The line's own part of a log file: `TAG[PID]: text`, safe to print. */
export function formatText({ tag, pid, data, text }: SyslogMessage): Bytes {
  const name = tag === "" ? "" : `${tag}${pid === "" ? "" : `[${pid}]`}: `;
  return escapeControls(`${name}${data === "" ? "" : `${data} `}${text}`);
}

import type { Bytes } from "../text/bytes.ts";
import type { Escaper } from "./escape.ts";
import { nameOf, type SyslogMessage } from "./syslog.ts";

/** Longest fields of a header. @see RFC 5424, section 6 */
const MAX_HOST = 255;
const MAX_APP = 48;
const MAX_PID = 128;
const MAX_MSGID = 32;
/** Longer messages are cut to this size, which a UDP datagram can hold. */
export const MAX_FRAME_BYTES = 65_000;

/**
 * Returns all of a message in the form of RFC 5424 that stands before its text. A name that the header cannot hold as it is stands there
 * in the place of the text's start as well.
 * @param time RFC 3339 time
 * @param host this machine's name
 */
export function frameHead(message: SyslogMessage, time: Bytes, host: Bytes, escaper: Escaper): Bytes {
  const { priority, data } = message;
  const [tag, pid, msgid] = [field(message.tag, MAX_APP), field(message.pid, MAX_PID), field(message.msgid, MAX_MSGID)];
  const complete = tag === (message.tag || "-") && pid === (message.pid || "-") && msgid === (message.msgid || "-");
  const name = complete ? "" : escaper(nameOf(message), false);
  const head = `<${priority}>1 ${time} ${field(message.host || host, MAX_HOST)} ${tag} ${pid} ${msgid}`;
  return `${head} ${data === "" ? "-" : escaper(data, false)} ${name}`;
}

/** Returns a message with its length before it, as it is sent over TCP. @see RFC 6587, section 3.4.1 (octet counting) */
export function frameMessage(message: SyslogMessage, time: Bytes, host: Bytes, escaper: Escaper): Bytes {
  const frame = `${frameHead(message, time, host, escaper)}${escaper(message.text, false)}`.slice(0, MAX_FRAME_BYTES);
  return `${frame.length} ${frame}`;
}

/** Returns a header field: printable, without blanks, `-` for none. */
function field(text: Bytes, max: number): Bytes {
  let out = "";
  for (const c of text.slice(0, max)) out += c > " " && c < "\x7f" ? c : "?";
  return out || "-";
}

/**
 * Returns where each whole frame at the start of `text` begins and ends. Text that cannot be a frame ends the list; `broken` then reports
 * that more text will not help.
 */
export function readFrames(text: Bytes): { frames: [from: number, end: number][]; broken: boolean } {
  const frames: [number, number][] = [];
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf(" ", at);
    const digits = text.slice(at, blank < 0 ? text.length : blank);
    const length = Number(digits);
    if (digits.length > 5 || !(length > 0) || length > MAX_FRAME_BYTES || (blank >= 0 && String(length) !== digits))
      return { frames, broken: true };
    if (blank < 0 || blank + 1 + length > text.length) break;
    frames.push([blank + 1, blank + 1 + length]);
    at = blank + 1 + length;
  }
  return { frames, broken: false };
}

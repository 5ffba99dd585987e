import type { Bytes } from "../text/bytes.ts";
import { escapeControls, type SyslogMessage } from "./syslog.ts";

/** Longest fields of a header. @see RFC 5424, section 6 */
const MAX_HOST = 255;
const MAX_APP = 48;
const MAX_PID = 128;
/** What is longer is cut: a datagram takes this much, and one that reads frames needs no more room. */
export const MAX_FRAME_BYTES = 65_000;

/**
 * A message as RFC 5424 has it, with its length before it, as it goes over TCP.
 * @param time RFC 3339 time
 * @see RFC 6587, section 3.4.1 (octet counting)
 */
export function frameMessage(message: SyslogMessage, time: Bytes, host: Bytes): Bytes {
  const { priority, tag, pid, data, text } = message;
  const head = `<${priority}>1 ${time} ${field(host, MAX_HOST)} ${field(tag, MAX_APP)} ${field(pid, MAX_PID)} -`;
  const whole = `${head} ${data === "" ? "-" : data}${text === "" ? "" : ` ${escapeControls(text)}`}`;
  const frame = whole.slice(0, MAX_FRAME_BYTES);
  return `${frame.length} ${frame}`;
}

/** A header field: printable, without blanks, `-` for none. */
function field(text: Bytes, max: number): Bytes {
  let out = "";
  for (const c of text.slice(0, max)) out += c > " " && c < "\x7f" ? c : "?";
  return out || "-";
}

/**
 * The whole frames at the start of `text`: where each message starts and ends. What is no frame ends the list, and `broken` tells that
 * more text will not help.
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

import { type Bytes, Errno } from "../sys.ts";

/** A datagram on its way. */
export interface Datagram {
  readonly data: Bytes;
  readonly pid: number;
}

const HEADER_BYTES = 64;
const EXTRA_BYTES = 64;
const LENGTH_AT = 56;
const PID_AT = 48;
const NEWLINE = 10;

export function textIn(buffer: Uint8Array, from: number, end: number): Bytes {
  return String.fromCharCode(...buffer.subarray(from, end));
}

export function putText(buffer: Uint8Array, at: number, text: Bytes): void {
  for (let i = 0; i < text.length; i++) buffer[at + i] = text.charCodeAt(i);
}

/** @see Sys.recvmmsg */
export function receive(
  queue: Datagram[],
  buffer: Uint8Array,
  slots: number,
  slotBytes: number,
  restBytes: number,
  first: number,
): number {
  if (first > slots || slots * (HEADER_BYTES + EXTRA_BYTES + slotBytes + restBytes) > buffer.length)
    return -Errno.EINVAL;
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, (slots * (HEADER_BYTES + EXTRA_BYTES)) / 4);
  const slotsAt = slots * (HEADER_BYTES + EXTRA_BYTES);
  let count = 0;
  for (let slot = first; slot < slots; slot++) {
    const message = queue.shift();
    words[(slot * HEADER_BYTES + LENGTH_AT) / 4] = message?.data.length ?? 0;
    if (message === undefined) continue;
    words[(slots * HEADER_BYTES + slot * EXTRA_BYTES + PID_AT) / 4] = message.pid;
    putText(buffer, slotsAt + slot * slotBytes, message.data.slice(0, slotBytes));
    const rest = message.data.slice(slotBytes, slotBytes + restBytes);
    putText(buffer, slotsAt + slots * slotBytes + slot * restBytes, rest);
    count++;
  }
  return count > 0 ? count : -Errno.EAGAIN;
}

/** What a list of spans names, 1024 of them at most. @see Sys.writev */
export function gather(buffer: Uint8Array, from: number, end: number): Bytes {
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, Math.floor(buffer.length / 4));
  let text = "";
  for (let at = from; at + 2 <= end && at < from + 2048; at += 2) {
    const offset = words[at] as number;
    text += textIn(buffer, offset, offset + (words[at + 1] as number));
  }
  return text;
}

const MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
const LINE = new RegExp(`^<(\\d{1,3})>${MONTH} [ 0-3]\\d [0-2]\\d:[0-5]\\d:[0-6]\\d [^ \\t:[]*[:[]`);

/** @see Sys.syslogLines */
export function syslogLines(
  buffer: Uint8Array,
  slots: number,
  slotBytes: number,
  count: number,
  found: Int32Array,
): void {
  const words = new Int32Array(buffer.buffer, buffer.byteOffset, (slots * HEADER_BYTES) / 4);
  for (let slot = 0; slot < count; slot++) {
    const at = slots * (HEADER_BYTES + EXTRA_BYTES) + slot * slotBytes;
    const length = words[(slot * HEADER_BYTES + LENGTH_AT) / 4] as number;
    let end = length < slotBytes ? at + length : at;
    while (end > at && (buffer[end - 1] === NEWLINE || buffer[end - 1] === 0)) end--;
    const line = textIn(buffer, at, end);
    const form = isPrintable(line) ? LINE.exec(line) : null;
    found[3 * slot] = form === null ? -1 : Number(form[1]);
    if (form === null) continue;
    found[3 * slot + 1] = at + line.indexOf(">") + 17;
    found[3 * slot + 2] = end + 1;
    buffer[end] = NEWLINE;
  }
}

function isPrintable(text: Bytes): boolean {
  return [...text].every((c) => (c >= " " && c !== "\x7f") || c === "\t");
}

import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";
import { FACILITIES, MAX_TAG, type SyslogMessage } from "./syslog.ts";

const USER = 1;
const INFO = 6;
/** Later fields are not read. systemd's own journal refuses messages with more. @see ENTRY_FIELD_COUNT_MAX in systemd */
const MAX_FIELDS = 1024;
/** Bytes of a binary value's length, the upper ones of which are 0. */
const LENGTH_BYTES = 8;
const NO_MORE = "\0".repeat(5);

/**
 * Reads a message of a client of systemd's journal: `FIELD=value` lines, or for a value with newlines `FIELD`, a newline, its length as
 * 64 bits (little-endian) and the value. Fields that syslog has no place for are left out.
 * @see https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */
export function parseJournalMessage(datagram: Bytes): SyslogMessage {
  const fields = readFields(datagram);
  const facility = parseDecimal(fields.get("SYSLOG_FACILITY") ?? "", FACILITIES.length - 1) ?? USER;
  const severity = parseDecimal(fields.get("PRIORITY") ?? "", 7) ?? INFO;
  const [tag, pid] = [fields.get("SYSLOG_IDENTIFIER") ?? "", fields.get("SYSLOG_PID") ?? ""];
  const text = fields.get("MESSAGE") ?? "";
  const message = { priority: facility * 8 + severity, host: "", msgid: "", data: "" };
  // A name that is too long is a part of the text, as in other messages.
  if (tag.length > MAX_TAG || pid.length > MAX_TAG)
    return { ...message, tag: "", pid: "", text: `${tag}[${pid}]: ${text}` };
  return { ...message, tag, pid, text };
}

function readFields(datagram: Bytes): Map<Bytes, Bytes> {
  const fields = new Map<Bytes, Bytes>();
  let equals = -1;
  for (let at = 0, count = 0; at < datagram.length && count < MAX_FIELDS; count++) {
    const newline = datagram.indexOf("\n", at);
    const lineEnd = newline < 0 ? datagram.length : newline;
    // Searched for once per place: many binary fields without one must not cost a look through the rest for each.
    if (equals < at) equals = datagram.indexOf("=", at);
    if (equals < 0) equals = datagram.length;
    if (equals < lineEnd) {
      fields.set(datagram.slice(at, equals), datagram.slice(equals + 1, lineEnd));
      at = lineEnd + 1;
      continue;
    }
    // No datagram has a value that needs more than the lower bytes of its length.
    const isShort = datagram.startsWith(NO_MORE, lineEnd + 1 + LENGTH_BYTES - NO_MORE.length);
    const lower =
      datagram.charCodeAt(lineEnd + 1) +
      256 * datagram.charCodeAt(lineEnd + 2) +
      65536 * datagram.charCodeAt(lineEnd + 3);
    const length = isShort ? lower : datagram.length;
    const from = lineEnd + 1 + LENGTH_BYTES;
    if (from < datagram.length) fields.set(datagram.slice(at, lineEnd), datagram.slice(from, from + length));
    at = from + length + 1;
  }
  return fields;
}

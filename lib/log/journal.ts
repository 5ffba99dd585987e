import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";
import { FACILITIES, MAX_TAG, type SyslogMessage } from "./syslog.ts";

const USER = 1;
const INFO = 6;

/**
 * Reads what a client of systemd's journal sends: `FIELD=value` lines, or for a value with newlines `FIELD`, a newline, its length
 * as 64 bits (little-endian) and the value. Fields that syslog has no place for are left out.
 * @see https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */
export function parseJournalMessage(datagram: Bytes): SyslogMessage {
  const fields = readFields(datagram);
  const facility = parseDecimal(fields.get("SYSLOG_FACILITY") ?? "", FACILITIES.length - 1) ?? USER;
  const severity = parseDecimal(fields.get("PRIORITY") ?? "", 7) ?? INFO;
  return {
    priority: facility * 8 + severity,
    tag: (fields.get("SYSLOG_IDENTIFIER") ?? "").slice(0, MAX_TAG),
    pid: (fields.get("SYSLOG_PID") ?? "").slice(0, MAX_TAG),
    data: "",
    text: fields.get("MESSAGE") ?? "",
  };
}

function readFields(datagram: Bytes): Map<Bytes, Bytes> {
  const fields = new Map<Bytes, Bytes>();
  for (let at = 0; at < datagram.length; ) {
    const newline = datagram.indexOf("\n", at);
    const lineEnd = newline < 0 ? datagram.length : newline;
    const equals = datagram.indexOf("=", at);
    if (equals >= 0 && equals < lineEnd) {
      fields.set(datagram.slice(at, equals), datagram.slice(equals + 1, lineEnd));
      at = lineEnd + 1;
      continue;
    }
    let length = 0;
    for (let i = 7; i >= 0; i--) length = length * 256 + (datagram.charCodeAt(lineEnd + 1 + i) || 0);
    const from = lineEnd + 9;
    if (from < datagram.length) fields.set(datagram.slice(at, lineEnd), datagram.slice(from, from + length));
    at = from + length + 1;
  }
  return fields;
}

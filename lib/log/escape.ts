import type { Bytes } from "../text/bytes.ts";
import { utf8SequenceLength } from "../text/utf8.ts";

const REPLACEMENT = "\xef\xbf\xbd";

/**
 * Escapes a text for a line of a log file (`json` is false) or for a string of JSON. The runtime does it in C (`Sys.escape`); the two
 * functions below define the result, and the fake kernel and the tests use them.
 */
export type Escaper = (text: Bytes, json: boolean) => Bytes;

/** @see Escaper */
export const escapeText: Escaper = (text, json) => (json ? escapeJson(text) : escapeControls(text));

/** Writes control bytes as `#` and three octal digits, as Debian's rsyslog does. A tab stays. */
export function escapeControls(text: Bytes): Bytes {
  let out = "";
  for (const c of text) out += isControl(c) && c !== "\t" ? `#${c.charCodeAt(0).toString(8).padStart(3, "0")}` : c;
  return out;
}

/** Writes the inside of a string of JSON, DEL escaped as well. Each byte that is not UTF-8 becomes U+FFFD. */
export function escapeJson(text: Bytes): Bytes {
  let out = "";
  for (let at = 0; at < text.length; ) {
    const length = utf8SequenceLength(text, at);
    const part = text.slice(at, at + Math.max(1, length));
    if (length === 0) out += REPLACEMENT;
    else if (isControl(part)) out += `\\u${part.charCodeAt(0).toString(16).padStart(4, "0")}`;
    else out += part === '"' || part === "\\" ? `\\${part}` : part;
    at += part.length;
  }
  return out;
}

function isControl(c: Bytes): boolean {
  return c < " " || c === "\x7f";
}

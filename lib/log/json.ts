import type { Bytes } from "../text/bytes.ts";
import { utf8SequenceLength } from "../text/utf8.ts";

const REPLACEMENT = "\xef\xbf\xbd";

/** One line of JSON from text fields and numbers, empty texts left out; bytes that are no UTF-8 become U+FFFD. */
export function jsonLine(fields: Readonly<Record<string, Bytes | number>>): Bytes {
  const members: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === "") continue;
    members.push(`"${name}":${typeof value === "number" ? value : JSON.stringify(wellFormed(value))}`);
  }
  return `{${members.join(",")}}\n`;
}

function wellFormed(text: Bytes): Bytes {
  let out = "";
  let copied = 0;
  for (let i = 0; i < text.length; ) {
    const length = text.charCodeAt(i) < 0x80 ? 1 : utf8SequenceLength(text, i);
    if (length === 0) {
      out += text.slice(copied, i) + REPLACEMENT;
      copied = i + 1;
    }
    i += length || 1;
  }
  return out + text.slice(copied);
}

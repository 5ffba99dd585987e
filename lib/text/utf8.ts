import type { Bytes } from "./bytes.ts";

/**
 * Length in bytes of the well-formed UTF-8 sequence that starts at `at` (1 to 4), or 0 when none starts there. Overlong
 * forms, surrogates and code points beyond U+10FFFF are not well formed.
 * @see RFC 3629, section 4
 */
export function utf8SequenceLength(text: Bytes, at: number): number {
  const lead = text.charCodeAt(at);
  if (lead < 0x80) return 1;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  for (let i = 1; i < length; i++) {
    const byte = text.charCodeAt(at + i);
    const least = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (!(byte >= least && byte <= most)) return 0;
  }
  return length;
}

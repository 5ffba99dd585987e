import type { Bytes } from "../text/bytes.ts";
import type { Escaper } from "./escape.ts";

/** Returns one line of JSON from text fields and numbers. Empty texts are left out. */
export function jsonLine(fields: Readonly<Record<string, Bytes | number>>, escaper: Escaper): Bytes {
  const members: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === "") continue;
    members.push(`"${name}":${typeof value === "number" ? value : `"${escaper(value, true)}"`}`);
  }
  return `{${members.join(",")}}\n`;
}

import type { Bytes } from "./bytes.ts";

/** `NAME=value` lines; blank ones and those that start with `#` say nothing. Quotes around a value are taken off. */
export function parseSettingLines(text: Bytes): Map<Bytes, Bytes> {
  const values = new Map<Bytes, Bytes>();
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    const at = trimmed.indexOf("=");
    if (trimmed === "" || trimmed[0] === "#") continue;
    let value = at < 0 ? "" : trimmed.slice(at + 1).trim();
    const quote = value[0];
    if (value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote)) value = value.slice(1, -1);
    values.set((at < 0 ? trimmed : trimmed.slice(0, at)).trim(), value);
  }
  return values;
}

/** Whether a value means "not at all". */
export function isOff(text: Bytes): boolean {
  return text === "off" || text === "no" || text === "0" || text === "";
}

/** A switch as people write it; `undefined` for a text that is none. */
export function parseSwitch(text: Bytes): boolean | undefined {
  if (isOff(text) || text === "false") return false;
  return ["on", "yes", "1", "true"].includes(text) ? true : undefined;
}

import type { Bytes } from "../text/bytes.ts";

/** What a job runs and what it reads. */
export interface Command {
  /** For the shell's `-c`. */
  readonly text: Bytes;
  /** For its standard input; `null` is none. */
  readonly input: Bytes | null;
}

/**
 * Splits a crontab line's command: up to the first `%` is for the shell, what follows is its standard input, in which every further
 * `%` is a line end. `\%` is a plain `%`. @see crontab(5)
 */
export function splitCommand(line: Bytes): Command {
  const parts = [""];
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    const next = line.charAt(at + 1);
    let piece = character;
    if (character === "\\" && next !== "") {
      piece = next === "%" ? "%" : character + next;
      at++;
    } else if (character === "%") {
      parts.push("");
      continue;
    }
    parts[parts.length - 1] += piece;
  }
  const [text = "", ...lines] = parts;
  if (lines.length === 0) return { text, input: null };
  const input = lines.join("\n");
  return { text, input: input === "" || input.endsWith("\n") ? input : `${input}\n` };
}

import type { Bytes } from "../text/bytes.ts";
import { utf8SequenceLength } from "../text/utf8.ts";

/** Variables that describe one user: never written to the env directory or its shell dump, honoured when found there. */
export const PERSONAL: readonly Bytes[] = ["HOME", "USER", "GROUP", "UID", "GID", "SHELL"];

/** Variables that dash or bash keep for themselves: `export` of one can end the script that sources the dump. */
const KEPT_BY_SHELLS =
  "BASHOPTS BASH_COMPAT BASH_VERSINFO BASH_XTRACEFD EUID HISTCMD LINENO OPTIND PPID RANDOM SHELLOPTS SRANDOM".split(
    " ",
  );

/** Whether an environment can hold a variable of this name and a directory a file of it. */
export function isUsableName(name: Bytes): boolean {
  return (
    name !== "" && name !== "." && name !== ".." && !name.includes("=") && !name.includes("\0") && !name.includes("/")
  );
}

/** Value that a file of the env directory stands for: exactly one trailing newline goes. `null` when it holds a NUL byte. */
export function valueOfFile(content: Bytes): Bytes | null {
  if (content.includes("\0")) return null;
  return content.endsWith("\n") ? content.slice(0, -1) : content;
}

/** File content from which {@link valueOfFile} gives the value back. */
export function fileOfValue(value: Bytes): Bytes {
  return value.endsWith("\n") ? `${value}\n` : value;
}

/**
 * `export NAME='value'` lines that any POSIX shell sources without error and that give it exactly these bytes. The
 * {@link PERSONAL} variables are left out, and so are names that a shell cannot hold or assign, those with a comment.
 */
export function toShell(variables: ReadonlyMap<Bytes, Bytes>): Bytes {
  let text = "";
  for (const [name, value] of variables) {
    if (PERSONAL.includes(name)) continue;
    text +=
      isShellName(name) && !KEPT_BY_SHELLS.includes(name)
        ? `export ${name}='${value.split("'").join("'\\''")}'\n`
        : `# left out, no shell variable can have this name: ${printable(name)}\n`;
  }
  return text;
}

/**
 * One JSON object as UTF-8 bytes. A byte that is not part of well-formed UTF-8 becomes the escape `\udcXX`, which is how
 * Python's `surrogateescape` writes it, so that a Python reader gets the original bytes back.
 * @see PEP 383
 */
export function toJson(variables: ReadonlyMap<Bytes, Bytes>): Bytes {
  const members = [...variables].map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return escapeMalformed(`{${members.join(", ")}}\n`);
}

/** Variables of an environment block (`NAME=value` joined by NUL). The first of two equal names wins, as in `getenv(3)`; entries without a name are dropped. */
export function parseEnvironBlock(block: Bytes): Map<Bytes, Bytes> {
  const variables = new Map<Bytes, Bytes>();
  for (const entry of block.split("\0")) {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    if (at > 0 && !variables.has(name)) variables.set(name, entry.slice(at + 1));
  }
  return variables;
}

/** The environment block of these variables, as `execve` takes it. */
export function formatEnvironBlock(variables: ReadonlyMap<Bytes, Bytes>): Bytes {
  const entries: Bytes[] = [];
  // Not by an iterator, which makes a pair of each: this is on the way of every start.
  variables.forEach((value, name) => {
    entries.push(`${name}=${value}`);
  });
  return entries.join("\0");
}

/** @see https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap03.html#tag_03_235 */
function isShellName(name: Bytes): boolean {
  for (const c of name) {
    const letter = (c >= "A" && c <= "Z") || (c >= "a" && c <= "z") || c === "_";
    if (!letter && (c < "0" || c > "9")) return false;
  }
  return name !== "" && !(name.charAt(0) <= "9");
}

/** The text with control characters replaced, so that it stays within its comment. */
function printable(text: Bytes): Bytes {
  let out = "";
  for (const c of text) out += c < " " || c === "\x7f" ? "?" : c;
  return out;
}

function escapeMalformed(json: Bytes): Bytes {
  let out = "";
  let copied = 0;
  for (let i = 0; i < json.length; ) {
    const length = utf8SequenceLength(json, i);
    if (length === 0) {
      out += `${json.slice(copied, i)}\\udc${json.charCodeAt(i).toString(16)}`;
      copied = i + 1;
    }
    i += length || 1;
  }
  return out + json.slice(copied);
}

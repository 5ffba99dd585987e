import type { Bytes } from "../text/bytes.ts";

const DIRECTIVE = "$addunixlistensocket";
const BLANK = " \t\r\n,";

/**
 * Sockets besides /dev/log that a configuration of rsyslog asks for, as packages leave one in /etc/rsyslog.d for a program in a chroot:
 * `$AddUnixListenSocket PATH` and `input(type="imuxsock" Socket="PATH")`. Everything else is passed over.
 */
export function listenSockets(configuration: Bytes): Bytes[] {
  const lines = configuration.split("\n").map((line) => withoutComment(line));
  const found = new Set<Bytes>();
  for (const line of lines) {
    const words = line.trim().replaceAll("\t", " ").split(" ");
    if (words[0]?.toLowerCase() === DIRECTIVE) found.add(words.find((word) => word.startsWith("/")) ?? "");
  }
  // `input` and its parentheses may be lines apart.
  for (const part of lines.join("\n").split("(").slice(1)) {
    const parameters = parametersOf(part);
    if (parameters.get("type")?.toLowerCase() === "imuxsock") found.add(parameters.get("socket") ?? "");
  }
  return [...found].filter((path) => path.startsWith("/"));
}

/** `NAME="value"` pairs up to a closing parenthesis, names in small letters. */
function parametersOf(text: Bytes): Map<Bytes, Bytes> {
  const parameters = new Map<Bytes, Bytes>();
  let at = 0;
  const skip = () => {
    while (at < text.length && BLANK.includes(text[at] as string)) at++;
  };
  for (;;) {
    skip();
    const equals = text.indexOf("=", at);
    const close = text.indexOf(")", at);
    if (equals < 0 || (close >= 0 && close < equals)) return parameters;
    const name = text.slice(at, equals).trim().toLowerCase();
    at = equals + 1;
    skip();
    const end = text[at] === '"' ? text.indexOf('"', at + 1) : -1;
    if (end < 0) return parameters;
    parameters.set(name, text.slice(at + 1, end));
    at = end + 1;
  }
}

/** A `#` in quotes begins no comment. */
function withoutComment(line: Bytes): Bytes {
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"') quoted = !quoted;
    else if (line[at] === "#" && !quoted) return line.slice(0, at);
  }
  return line;
}

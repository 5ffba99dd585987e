import { readFile } from "../base/files.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

/**
 * Changes variables as the files of a directory say: the name is the file's, the value its first line without blanks at its
 * end, NUL bytes standing for newlines; an empty file removes the variable. Directories, dangling links, dot-files and names with
 * `=` are passed over.
 *
 * @returns the reason why the directory cannot be used, or `null`
 * @see chpst(8), -e
 */
export function applyEnvDir(sys: Sys, directory: Bytes, variables: Map<Bytes, Bytes>): string | null {
  const names = sys.readdir(directory);
  if (typeof names === "number") return `cannot read the directory ${directory}: ${sys.strerror(-names)}`;
  for (const name of names) {
    if (name.startsWith(".") || name.includes("=")) continue;
    const content = readFile(sys, `${directory}/${name}`);
    if (content === -Errno.EISDIR || content === -Errno.ENOENT) continue;
    if (typeof content === "number") return `cannot read ${directory}/${name}: ${sys.strerror(-content)}`;
    if (content === "") variables.delete(name);
    else variables.set(name, firstLine(content));
  }
  return null;
}

function firstLine(content: Bytes): Bytes {
  const lineEnd = content.indexOf("\n");
  let end = lineEnd < 0 ? content.length : lineEnd;
  while (end > 0 && (content[end - 1] === " " || content[end - 1] === "\t")) end--;
  return content.slice(0, end).replaceAll("\0", "\n");
}

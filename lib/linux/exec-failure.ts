import type { Bytes } from "../text/bytes.ts";
import { FileType } from "./file-types.ts";

/** Machines by `e_machine`, under the names that `uname -m` has for them. @see elf(5) */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};

/** Reasons that do not depend on the file, by error number. @see execve(2) */
const REASONS: Readonly<Record<number, string>> = {
  1: "not permitted: the file system or a security module forbids it",
  7: "the arguments and the environment together are too long",
  11: "the limit on processes is reached (ulimit -u, or pids.max of the container)",
  12: "out of memory",
  20: "a part of the path is not a directory",
  23: "too many open files in the system",
  24: "too many open files: the limit is too low (ulimit -n)",
  26: "the file is open for writing: finish copying it first",
  36: "the path is too long",
  40: "too many symbolic links",
};

/**
 * Says why `execve` of a program failed, in words that name the cause and the remedy.
 *
 * @param path the program, as it was given to `execve`
 * @param errno the positive error number
 * @param head the first bytes of the file, 1024 or more where it has as many; `""` when empty or unreadable
 * @param mode `st_mode` of the file, links followed; `null` when there is none
 * @param errorOf the positive error number of `stat(2)` for an interpreter, 0 when it is there
 * @param machine this machine, as `uname -m` names it
 * @param otherwise the words of an error that says nothing about the file
 * @see execve(2), elf(5)
 */
export function explainExec(
  path: Bytes,
  errno: number,
  head: Bytes,
  mode: number | null,
  errorOf: (path: Bytes) => number,
  machine: string,
  otherwise = `error ${errno}`,
): string {
  if (errno === 2) return mode === null ? "no such file" : explainMissing(head, (path) => errorOf(path) === 0);
  if (errno === 40 && mode !== null) return explainLoop(head, errorOf);
  if (errno === 13) return explainDenied(path, head, mode);
  if (errno === 8) return explainFormat(head, machine);
  return REASONS[errno] ?? otherwise;
}

/** The file is there, so what is missing is the program that the kernel needs to run it. */
function explainMissing(head: Bytes, exists: (path: Bytes) => boolean): string {
  const interpreter = shebang(head);
  if (interpreter?.endsWith("\r")) {
    return `has Windows line ends: its interpreter is read as "${interpreter.slice(0, -1)}\\r"; convert it with sed -i 's/\\r$//'`;
  }
  if (interpreter) {
    return exists(interpreter)
      ? `its interpreter "${interpreter}" is there but lacks its own loader or interpreter`
      : `its interpreter "${interpreter}" does not exist`;
  }
  if (!head.startsWith("\x7fELF")) return "its interpreter or loader does not exist";
  const loader = elfLoader(head);
  if (loader === null) return "its loader does not exist: link it statically, or use an image with its C library";
  const library = loader.includes("musl") ? "musl" : loader.includes("ld-linux") ? "glibc" : null;
  return `its loader "${loader}" does not exist${library ? `: the program was built for ${library}` : ""}`;
}

/** The file itself could be reached. The kernel has the same error for scripts whose interpreters are scripts, five deep. */
function explainLoop(head: Bytes, errorOf: (path: Bytes) => number): string {
  const interpreter = shebang(head);
  if (interpreter === null) return REASONS[40] ?? "";
  return errorOf(interpreter) === 40
    ? `its interpreter "${interpreter}" is a symbolic link that leads back to itself: repair the link`
    : `its interpreter "${interpreter}" is a script, and so on, more than five deep`;
}

function explainDenied(path: Bytes, head: Bytes, mode: number | null): string {
  if (mode === null) return "no permission to reach it: a directory of its path may not be searched";
  if ((mode & FileType.Mask) === FileType.Directory) return "is a directory";
  if ((mode & FileType.Mask) !== FileType.Regular) return "is not a regular file";
  if ((mode & 0o111) === 0) return `is not executable: chmod +x ${path}`;
  const interpreter = shebang(head);
  const culprit = interpreter ? `, or its interpreter "${interpreter}" is not executable` : "";
  return `permission denied (mode ${(mode & 0o7777).toString(8).padStart(4, "0")}): not executable for this user, on a file system mounted noexec${culprit}`;
}

/** ENOEXEC: no loader of the kernel knows this kind of file. */
function explainFormat(head: Bytes, machine: string): string {
  if (head === "") return "is empty or cannot be read";
  if (head.startsWith("\x7fELF")) {
    const built = head.length >= 20 ? readNumber(head, 18, 2) : 0;
    const name = MACHINES[built] ?? `machine number ${built}`;
    return name === machine
      ? `is a damaged program for ${name}`
      : `is built for ${name}, this machine is ${machine}: build it for the right architecture`;
  }
  if (head.startsWith("MZ")) return "is a Windows program";
  if (head.startsWith("\xcf\xfa\xed\xfe") || head.startsWith("\xca\xfe\xba\xbe")) return "is a macOS program";
  if (head.startsWith("\xef\xbb\xbf#!")) return "has a byte order mark before #!: remove the first three bytes";
  if (head.startsWith("#!")) return "names no interpreter after #!";
  if (head.trimStart().startsWith("#!")) return "has blanks or empty lines before #!: it must be the first two bytes";
  return "has no #! line: begin it with #!/bin/sh";
}

/** The interpreter that the first line names, as the kernel reads it; `null` without one. @see execve(2), "Interpreter scripts" */
function shebang(head: Bytes): Bytes | null {
  if (!head.startsWith("#!")) return null;
  let start = 2;
  while (head[start] === " " || head[start] === "\t") start++;
  let end = start;
  while (end < head.length && !" \t\n\0".includes(head.charAt(end))) end++;
  return end > start ? head.slice(start, end) : null;
}

/** Path of the dynamic loader (PT_INTERP) when the head holds it. @see elf(5) */
function elfLoader(head: Bytes): Bytes | null {
  const wide = head.charCodeAt(4) === 2;
  const word = wide ? 8 : 4;
  const table = readNumber(head, wide ? 32 : 28, word);
  const size = readNumber(head, wide ? 54 : 42, 2);
  const count = readNumber(head, wide ? 56 : 44, 2);
  for (let i = 0; i < count && i < 64; i++) {
    const entry = table + i * size;
    if (readNumber(head, entry, 4) !== 3) continue;
    const start = readNumber(head, entry + (wide ? 8 : 4), word);
    const end = start + readNumber(head, entry + (wide ? 32 : 16), word) - 1;
    return end > start && end <= head.length ? head.slice(start, end) : null;
  }
  return null;
}

/** An unsigned number of the ELF file in its own byte order; NaN beyond the end of the head. */
function readNumber(head: Bytes, at: number, bytes: number): number {
  const big = head.charCodeAt(5) === 2;
  let value = 0;
  for (let i = 0; i < bytes; i++) value = value * 256 + head.charCodeAt(at + (big ? i : bytes - 1 - i));
  return value;
}

import { explainExec } from "../../../lib/linux/exec-failure.ts";
import { explainStep, parseSpawnFailure } from "../../../lib/linux/spawn-failure.ts";
import { type Bytes, Errno, Mode, SpawnFlag, type Sys } from "../sys.ts";
import { isExecutable, readFile } from "./files.ts";

/** A program to start; optional fields that are missing are inherited. */
export interface Program {
  /** A path; see {@link findProgram} for names. */
  readonly path: Bytes;
  /** `argv[0]` first. */
  readonly argv: readonly Bytes[];
  /** NUL-joined `NAME=value` entries. */
  readonly env: Bytes;
  readonly cwd?: Bytes;
  /** Descriptors for 0, 1, 2 and so on, three at least; -1 is /dev/null. */
  readonly stdio?: readonly number[];
  readonly flags?: SpawnFlag;
  /** As `idsToTake()` returns them. */
  readonly ids?: readonly number[] | null;
}

/** Where programs are looked for without `PATH`. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const INHERIT = [0, 1, 2] as const;
const HEAD_BYTES = 4096;

/** Starts a program; returns its pid, or a negative failure for {@link explain} or {@link reasonOf}. */
export function spawn(sys: Sys, program: Program): number {
  return sys.spawn(
    program.path,
    program.argv.join("\0"),
    program.env,
    program.cwd ?? "",
    program.stdio ?? INHERIT,
    program.flags ?? SpawnFlag.None,
    program.ids ?? null,
  );
}

/** True when `path` is a text without `#!` line that a shell would run by itself. */
export function lacksShebang(sys: Sys, path: Bytes, failure: number): boolean {
  if (failure !== Errno.ENOEXEC) return false;
  const head = readFile(sys, path, HEAD_BYTES);
  return typeof head === "string" && head !== "" && !head.startsWith("\x7fELF") && !head.includes("\0");
}

/** Starts a program like {@link spawn}, but passes a script without `#!` line to `/bin/sh`, as every shell does, with a warning. */
export function spawnAsShell(sys: Sys, program: Program, warn: (message: string) => void): number {
  const pid = spawn(sys, program);
  if (!lacksShebang(sys, program.path, -pid)) return pid;
  warn(`${program.path} has no #! line: running it with /bin/sh. Make its first line "#!/bin/sh".`);
  return spawn(sys, { ...program, path: "/bin/sh", argv: ["/bin/sh", program.path, ...program.argv.slice(1)] });
}

/** Returns the reason of a failed start in a few words. @param failure as {@link spawn} returns it, but positive */
export function reasonOf(sys: Sys, failure: number): string {
  const { step, errno } = parseSpawnFailure(failure);
  const reason = sys.strerror(errno);
  return step === "exec" ? reason : explainStep(step, errno, reason);
}

/** Says why `path` could not be started, with the culprit and the cure. @param failure as {@link spawn} returns it, but positive */
export function explain(sys: Sys, path: Bytes, failure: number): string {
  const { step, errno } = parseSpawnFailure(failure);
  if (step !== "exec") return reasonOf(sys, failure);
  const stat = sys.stat(path);
  const isFile = typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular;
  const head = isFile ? readFile(sys, path, HEAD_BYTES) : "";
  return explainExec(
    path,
    errno,
    typeof head === "string" ? head : "",
    typeof stat === "number" ? null : stat.mode,
    (interpreter) => {
      const there = sys.stat(interpreter);
      return typeof there === "number" ? -there : 0;
    },
    sys.machine,
    sys.strerror(errno),
  );
}

/**
 * Finds a command as `execvp(3)` does: a name with a slash is a path, any other is looked for along `searchPath`.
 * @returns the path, or 127 (there is none) or 126 (there is one that may not be executed), a shell's exit codes
 */
export function findProgram(sys: Sys, name: Bytes, searchPath: Bytes): Bytes | 126 | 127 {
  if (name === "") return 127;
  const candidates = name.includes("/")
    ? [name]
    : searchPath.split(":").map((dir) => `${dir === "" ? "." : dir}/${name}`);
  let found: 126 | 127 = 127;
  for (const candidate of candidates) {
    if (isExecutable(sys, candidate)) return candidate;
    if (typeof sys.stat(candidate) !== "number") found = 126;
  }
  return found;
}

import type { Bytes, Sys } from "../sys.ts";
import { explain, findProgram } from "./programs.ts";

/** Where `execvp(3)` looks without `PATH`. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Replaces this process by a command. Returns only to tell why it could not.
 *
 * @param name a path, or a name to look for along `searchPath`
 * @param argv `argv[0]` first
 * @param env NUL-joined `NAME=value` entries
 */
export function execCommand(
  sys: Sys,
  name: Bytes,
  argv: readonly Bytes[],
  env: Bytes,
  searchPath: Bytes = DEFAULT_PATH,
): string {
  const found = name.includes("/") ? name : findProgram(sys, name, searchPath);
  if (found === 127) return `cannot run ${name}: it is in no directory of PATH`;
  if (found === 126) return `cannot run ${name}: it is in PATH, but not as a file that this user may execute`;
  return `cannot run ${name}: ${explain(sys, found, -sys.execve(found, argv.join("\0"), env))}`;
}

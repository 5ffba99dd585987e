import { formatEnvironBlock, parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { findAccount, idsToTake } from "../base/credentials.ts";
import { readFile } from "../base/files.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

/** Ids and environment of a service with a `user` file. */
export interface ServiceUser {
  /** `null` when the init runs as this user already. */
  readonly ids: readonly number[] | null;
  readonly environment: Bytes;
}

/**
 * Reads which user the service in `directory` runs as: its file `user` holds `user`, `uid`, `user:group` or `uid:gid`.
 * @returns `null` without such a file; a text that says why the file cannot be obeyed (never run it as root instead)
 */
export function userOf(sys: Sys, directory: Bytes, environment: Bytes): ServiceUser | string | null {
  const path = `${directory}/user`;
  const spec = readFile(sys, path, 256);
  if (spec === -Errno.ENOENT) return null;
  if (typeof spec === "number") return `cannot read ${path}: ${sys.strerror(-spec)}`;
  const account = findAccount(sys, spec.trim());
  if (typeof account === "string") return `${path}: ${account}`;
  const variables = parseEnvironBlock(environment);
  variables.set("HOME", account.home).set("SHELL", account.shell);
  if (account.name !== null) variables.set("USER", account.name).set("LOGNAME", account.name);
  return { ids: idsToTake(sys, account), environment: formatEnvironBlock(variables) };
}

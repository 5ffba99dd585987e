import { type Account, parseUserSpec } from "../../../lib/linux/accounts.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";

const MAX_BYTES = 1 << 24;

/** Whom a `user`, `uid`, `user:group` … means by this system's passwd and group files, or the reason why nobody. */
export function findAccount(sys: Sys, spec: Bytes): Account | string {
  const passwd = readFile(sys, "/etc/passwd", MAX_BYTES);
  const group = readFile(sys, "/etc/group", MAX_BYTES);
  const account = parseUserSpec(spec, typeof passwd === "string" ? passwd : "", typeof group === "string" ? group : "");
  if (typeof account === "string" && typeof passwd === "number")
    return `cannot read /etc/passwd: ${sys.strerror(-passwd)}`;
  return account;
}

/** Becomes the account for good: groups, gid, uid. The reason why not, or `null`. */
export function becomeAccount(sys: Sys, { name, uid, gid, groups }: Account): string | null {
  const same = sys.getuid() === uid && sys.getgid() === gid;
  let result = sys.setgroups(groups);
  // A container started as this very user may not set groups and need not.
  if (result === -Errno.EPERM && same) return null;
  if (result === 0) result = sys.setgid(gid);
  if (result === 0) result = sys.setuid(uid);
  if (result === 0) return null;
  const hint = result === -Errno.EPERM ? ": this takes root with the capabilities SETUID and SETGID" : "";
  return `cannot become user ${name ?? uid} (uid ${uid}, gid ${gid}): ${sys.strerror(-result)}${hint}`;
}

import { type Account, parseUserSpec } from "../../../lib/linux/accounts.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";

const MAX_BYTES = 1 << 24;

/** Returns the account that `user`, `uid`, `user:group` … means in this system's passwd and group files, or why it means none. */
export function findAccount(sys: Sys, spec: Bytes): Account | string {
  const passwd = readFile(sys, "/etc/passwd", MAX_BYTES);
  const group = readFile(sys, "/etc/group", MAX_BYTES);
  const account = parseUserSpec(spec, typeof passwd === "string" ? passwd : "", typeof group === "string" ? group : "");
  if (typeof account === "string" && typeof passwd === "number")
    return `cannot read /etc/passwd: ${sys.strerror(-passwd)}`;
  return account;
}

/**
 * Returns the ids that a process has to take to run as `account`, uid, gid and groups; `null` when it keeps its own. Without root
 * nobody may set groups, so who runs as this user already keeps those that it has; so does root when it has no further groups.
 */
export function idsToTake(sys: Sys, { uid, gid, groups }: Account): readonly number[] | null {
  const same = sys.getuid() === uid && sys.getgid() === gid;
  const keeps = same && (uid !== 0 || groups.every((group) => group === gid));
  return keeps ? null : [uid, gid, ...groups];
}

/** Becomes the account for good: groups, gid, uid. Returns why not, or `null`. */
export function becomeAccount(sys: Sys, account: Account): string | null {
  const ids = idsToTake(sys, account);
  if (ids === null) return null;
  const [uid = 0, gid = 0, ...groups] = ids;
  let result = sys.setgroups(groups);
  if (result === 0) result = sys.setgid(gid);
  if (result === 0) result = sys.setuid(uid);
  if (result === 0) return null;
  const { name } = account;
  const hint = result === -Errno.EPERM ? ": this takes root with the capabilities SETUID and SETGID" : "";
  return `cannot become user ${name ?? uid} (uid ${uid}, gid ${gid}): ${sys.strerror(-result)}${hint}`;
}

import { parseCrontab } from "../../../../lib/cron/crontab.ts";
import { MAX_CRONTAB_BYTES } from "../../../../lib/cron/files.ts";
import { findUser } from "../../../../lib/linux/accounts.ts";
import { readFile, writeAll } from "../../base/files.ts";
import { type Bytes, Errno, Open, type Sys } from "../../sys.ts";
import { SPOOL } from "./reader.ts";
import type { Zones } from "./zones.ts";

/** Why a user may not have a crontab, or `null`. @see crontab(1) on cron.allow and cron.deny */
export function refuseUser(sys: Sys, user: Bytes): string | null {
  if (user === "root") return null;
  const listed = (path: Bytes): boolean | null => {
    const text = readFile(sys, path);
    // A list that is there and cannot be read lets nobody in.
    if (typeof text === "number") return text === -Errno.ENOENT ? null : path.endsWith("deny");
    return text.split("\n").some((line) => line.trim() === user);
  };
  const allowed = listed("/etc/cron.allow");
  if (allowed !== null) return allowed ? null : `user ${user} is not in /etc/cron.allow`;
  return listed("/etc/cron.deny") === true ? `user ${user} is in /etc/cron.deny` : null;
}

/** A user's crontab, or `-errno`. */
export function readCrontab(sys: Sys, user: Bytes): Bytes | number {
  return readFile(sys, `${SPOOL}/${user}`, MAX_CRONTAB_BYTES + 1);
}

/** What keeps a text from being a user's crontab, one line each: `3:7: the hour is …`. */
export function checkCrontab(text: Bytes, zones: Zones): Bytes[] {
  if (text.length > MAX_CRONTAB_BYTES) return [`it is longer than ${MAX_CRONTAB_BYTES} bytes`];
  return parseCrontab(text, false, (zone) => zones.knows(zone)).flaws.map(
    ({ line, column, reason }) => `${line}:${column}: ${reason}`,
  );
}

/** Puts a checked text in a crontab's place, so that cron sees the old one or the new; why it cannot, or `null`. */
export function installCrontab(sys: Sys, user: Bytes, text: Bytes): string | null {
  const passwd = readFile(sys, "/etc/passwd");
  const account = typeof passwd === "string" ? findUser(passwd, user) : null;
  if (account?.name !== user) return `there is no user "${user}" in /etc/passwd`;
  for (const directory of ["/var/spool", "/var/spool/cron", SPOOL])
    sys.mkdir(directory, directory === SPOOL ? 0o700 : 0o755);
  // cron takes names that begin with a dot for leftovers.
  const temporary = `${SPOOL}/.${user}.new`;
  sys.unlink(temporary);
  const fd = sys.open(temporary, Open.Write | Open.Create | Open.Exclusive, 0o600);
  if (fd < 0) return `cannot write ${temporary}: ${sys.strerror(-fd)}`;
  let result = writeAll(sys, fd, text);
  sys.close(fd);
  if (result === 0 && account.uid !== sys.getuid()) result = sys.chown(temporary, account.uid, account.gid);
  if (result === 0) result = sys.rename(temporary, `${SPOOL}/${user}`);
  if (result === 0) return null;
  sys.unlink(temporary);
  return `cannot write ${SPOOL}/${user}: ${sys.strerror(-result)}`;
}

/** Takes a crontab away; 0 or `-errno`. */
export function removeCrontab(sys: Sys, user: Bytes): number {
  return sys.unlink(`${SPOOL}/${user}`);
}

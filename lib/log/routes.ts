import { FACILITIES } from "./syslog.ts";

/** Log files below `/var/log`, with the names that Debian's rsyslog uses. */
export const LOG_FILES = ["syslog", "auth.log", "cron.log", "kern.log", "mail.log", "user.log"] as const;

const OWN: Readonly<Record<string, (typeof LOG_FILES)[number]>> = {
  auth: "auth.log",
  authpriv: "auth.log",
  cron: "cron.log",
  kern: "kern.log",
  mail: "mail.log",
  user: "user.log",
};

/**
 * Which files a facility goes to: bit n is the file n of {@link LOG_FILES}. Everything is in `syslog` but what only root and
 * group adm should look for: `auth` and `authpriv`. @see /etc/rsyslog.conf of Debian 13
 */
export function routeOf(facility: number): number {
  const name = FACILITIES[facility] ?? "";
  const own = OWN[name];
  const bit = own === undefined ? 0 : 1 << LOG_FILES.indexOf(own);
  return own === "auth.log" ? bit : bit | 1;
}

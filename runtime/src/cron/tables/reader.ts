import { splitCommand } from "../../../../lib/cron/command.ts";
import { type CrontabEntry, parseCrontab } from "../../../../lib/cron/crontab.ts";
import {
  isLeftover,
  MAX_CRONTAB_BYTES,
  refuseFile,
  refuseName,
  sharersOfRootGroup,
} from "../../../../lib/cron/files.ts";
import { parseSchedule, type Schedule } from "../../../../lib/cron/schedule.ts";
import { DEFAULT_SETTINGS } from "../../../../lib/cron/settings.ts";
import { findUser, type User } from "../../../../lib/linux/accounts.ts";
import { readFile } from "../../base/files.ts";
import { type Bytes, Errno, Mode, Open, type Sys } from "../../sys.ts";
import type { Job } from "../job.ts";
import type { Zones } from "./zones.ts";

export const SPOOL = "/var/spool/cron/crontabs";
const CRONTAB = "/etc/crontab";
const DIRECTORY = "/etc/cron.d";
/** Besides those of scripts, and where links lead. */
const WATCHED = ["/etc", DIRECTORY, "/var/spool", "/var/spool/cron", SPOOL, "/usr/share/zoneinfo"];
const LINK = 0o120000;
/** What cannot be read for one of these can be read later. */
const SHORTAGES = [Errno.ENOMEM, Errno.ENFILE, Errno.EMFILE];

/** When the scripts of `/etc/cron.*` run where there is no `/etc/crontab` that says so: Debian's times. */
const PERIODS: readonly (readonly [period: string, when: string])[] = [
  ["hourly", "17 * * * *"],
  ["daily", "25 6 * * *"],
  ["weekly", "47 6 * * 7"],
  ["monthly", "52 6 1 * *"],
];

const ANACRON = "/usr/sbin/anacron";

/** A line of Debian's `/etc/crontab` that runs a directory's scripts: its job is theirs, one by one. */
function runsScripts(command: Bytes, directory: Bytes): boolean {
  const all = `cd / && run-parts --report ${directory}`;
  return [all, `test -x ${ANACRON} || { ${all}; }`, `test -x ${ANACRON} || ( ${all} )`].includes(command);
}

/** What the files say. */
export interface Tables {
  readonly jobs: readonly Job[];
  /** What is not used, and why. */
  readonly refusals: readonly Bytes[];
  /** What is used, but hardly as it was meant. */
  readonly remarks: readonly Bytes[];
  /** So many jobs would be used if cron were root. */
  readonly others: number;
  /** Why all this is not what the files say, for want of memory or descriptors; `null` when it is. */
  readonly shortage: Bytes | null;
}

/**
 * Reads every crontab and directory of scripts.
 *
 * @param watch told every directory and table whose change may change what this gives, before it is looked at, several times perhaps;
 * some do not exist; its answer is `-errno` where it cannot watch
 */
export function readTables(sys: Sys, zones: Zones, watch: (path: Bytes) => number): Tables {
  return new Reader(sys, zones, watch).read();
}

class Reader {
  readonly #sys: Sys;
  readonly #zones: Zones;
  readonly #jobs: Job[] = [];
  readonly #refusals: Bytes[] = [];
  readonly #remarks: Bytes[] = [];
  readonly #watch: (path: Bytes) => void;
  #others = 0;
  #shortage: Bytes | null = null;
  readonly #keys = new Map<Bytes, number>();
  /** By the period. */
  readonly #periods = new Map<Bytes, CrontabEntry>();
  readonly #taken = new Set<Bytes>();
  readonly #users = new Map<Bytes, User | null>();
  readonly #passwd: Bytes;
  readonly #sharedRoot: Bytes;
  readonly #uid: number;

  constructor(sys: Sys, zones: Zones, watch: (path: Bytes) => number) {
    this.#sys = sys;
    this.#zones = zones;
    this.#watch = (path) => {
      const result = watch(path);
      if (result < 0) this.#reasonOf(path, result);
    };
    for (const directory of WATCHED) this.#watch(directory);
    const [passwd = "", group = ""] = ["/etc/passwd", "/etc/group"].map((path) => {
      const text = readFile(sys, path);
      if (typeof text === "string") return text;
      this.#reasonOf(path, text);
      return "";
    });
    this.#passwd = passwd;
    this.#sharedRoot = sharersOfRootGroup(passwd, group);
    this.#uid = sys.getuid();
  }

  read(): Tables {
    this.#table(CRONTAB, "crontab", null);
    for (const name of this.#names(DIRECTORY)) {
      const reason = refuseName(name);
      if (isLeftover(name)) continue;
      if (reason !== null) this.#refuse(`${DIRECTORY}/${name}`, reason);
      else this.#table(`${DIRECTORY}/${name}`, name, null);
    }
    // Debian's crontab writes to `tmp.…` before it renames.
    for (const name of this.#names(SPOOL))
      if (!isLeftover(name) && !name.startsWith("tmp.")) this.#table(`${SPOOL}/${name}`, name, name);
    for (const [period, when] of PERIODS) this.#period(period, when);
    const zone = this.#jobs.some(({ settings }) => settings.zone === "") ? this.#zones.refuseOwn() : null;
    if (zone !== null) this.#remarks.push(zone);
    return {
      ...{ jobs: this.#jobs, refusals: this.#refusals, remarks: this.#remarks },
      ...{ others: this.#others, shortage: this.#shortage },
    };
  }

  #names(directory: Bytes): Bytes[] {
    const names = this.#sys.readdir(directory);
    if (typeof names !== "number") return names.sort();
    if (names !== -Errno.ENOENT) this.#refuse(directory, this.#reasonOf(directory, names));
    return [];
  }

  /** What an error means; notes a shortage. @param result `-errno` */
  #reasonOf(path: Bytes, result: number): Bytes {
    const reason = this.#sys.strerror(-result);
    if (SHORTAGES.includes(-result)) this.#shortage ??= `cannot read ${path}: ${reason}`;
    return reason;
  }

  #refuse(origin: Bytes, reason: Bytes): void {
    this.#refusals.push(`cannot use ${origin}: ${reason}`);
  }

  /** @param owner the user whose crontab it is; `null` for one that names a user in each line */
  #table(path: Bytes, base: Bytes, owner: Bytes | null): void {
    const text = this.#text(path, owner);
    if (text === null) return;
    const { entries, flaws } = parseCrontab(text, owner === null, (zone) => this.#zones.knows(zone));
    for (const { line, column, reason } of flaws) this.#refuse(`${path}:${line}:${column}`, reason);
    for (const entry of entries) {
      const user = owner ?? entry.user;
      const origin = `${path}:${entry.line}`;
      if (user === "root" && this.#isPeriod(entry)) continue;
      const account = this.#user(user);
      if (account === null) {
        const place = "in this file the user stands between the times and the command";
        this.#refuse(origin, `there is no user "${user}" in /etc/passwd; ${place}`);
        continue;
      }
      if (!this.#canBe(account.uid)) continue;
      const name = entry.settings.name || (entries.length === 1 ? base : `${base}:${entry.line}`);
      this.#add(entry, { name, origin, user, key: this.#key(path, entry, user) });
    }
  }

  /** The file's text, if it may be obeyed. */
  #text(path: Bytes, owner: Bytes | null): Bytes | null {
    const refuse = (reason: Bytes) => {
      this.#refuse(path, reason);
      return null;
    };
    const sys = this.#sys;
    this.#watch(path);
    const link = sys.lstat(path);
    if (link === -Errno.ENOENT) return null;
    if (typeof link === "number") return refuse(this.#reasonOf(path, link));
    const user = owner === null ? null : this.#user(owner);
    if (owner !== null && user === null) return refuse(`there is no user "${owner}" in /etc/passwd`);
    if (owner !== null && (link.mode & Mode.TypeMask) !== Mode.Regular) return refuse("it is not a regular file");
    if (link.uid !== 0 && link.uid !== this.#uid && owner === null)
      return refuse(`it belongs to uid ${link.uid}: chown root`);
    if ((link.mode & Mode.TypeMask) === LINK) this.#watchTarget(path);
    const fd = sys.open(path, Open.Read | Open.NonBlock, 0);
    if (fd < 0) return refuse(fd === -Errno.ENOENT ? "the link leads nowhere" : this.#reasonOf(path, fd));
    // What was opened is looked at, not what has the name by now.
    const opened = `/proc/self/fd/${fd}`;
    const stat = sys.stat(opened);
    const reason =
      typeof stat === "number"
        ? this.#reasonOf(path, stat)
        : refuseFile(stat, user?.uid ?? this.#uid, this.#sharedRoot, this.#isClosed(path));
    const text = reason === null ? readFile(sys, opened, MAX_CRONTAB_BYTES + 1) : "";
    sys.close(fd);
    if (reason !== null) return refuse(reason);
    if (typeof text === "number") return refuse(this.#reasonOf(path, text));
    return text.length > MAX_CRONTAB_BYTES ? refuse(`it is longer than ${MAX_CRONTAB_BYTES} bytes`) : text;
  }

  /** A link's target changes in another directory, or is yet to come there. */
  #watchTarget(path: Bytes): void {
    const real = this.#sys.realpath(path);
    const target = typeof real === "string" ? real : this.#sys.readlink(path);
    if (typeof target !== "string") return;
    this.#watch(directoryOf(target.startsWith("/") ? target : `${directoryOf(path)}/${target}`));
  }

  /** Whether only root (or who runs cron) can give files names in this file's directory. */
  #isClosed(path: Bytes): boolean {
    const stat = this.#sys.stat(directoryOf(path));
    return (
      typeof stat !== "number" &&
      (stat.uid === 0 || stat.uid === this.#uid) &&
      (stat.mode & 0o002) === 0 &&
      ((stat.mode & 0o020) === 0 || (stat.gid === 0 && this.#sharedRoot === ""))
    );
  }

  /** Whether jobs can be run in this user's name; counts those that cannot. */
  #canBe(uid: number): boolean {
    if (this.#uid === 0 || uid === this.#uid) return true;
    this.#others++;
    return false;
  }

  #user(name: Bytes): User | null {
    let user = this.#users.get(name);
    if (user === undefined) {
      user = findUser(this.#passwd, name);
      if (user?.name !== name) user = null;
      this.#users.set(name, user);
    }
    return user;
  }

  /** Stays the same when lines move within the file. */
  #key(path: Bytes, { when, command }: CrontabEntry, user: Bytes): Bytes {
    const key = `${path} ${hash(`${when} ${user} ${command}`)}`;
    const count = this.#keys.get(key) ?? 0;
    this.#keys.set(key, count + 1);
    return `${key} ${count}`;
  }

  #add(entry: CrontabEntry, { name, ...rest }: Pick<Job, "name" | "origin" | "user" | "key">): void {
    const { schedule, when, command, environment, settings } = entry;
    // Two jobs of one name could not be told apart.
    const own = this.#taken.has(name) ? `${name}@${rest.origin}` : name;
    this.#taken.add(own);
    const program = splitCommand(command);
    if (program.input !== null && ["+", '+"', "+'"].some((end) => program.text.endsWith(end)))
      this.#remarks.push(`${rest.origin}: the command ends at its first %: for date +%F write date +\\%F`);
    this.#jobs.push({
      ...{ ...rest, name: own, schedule, when, chain: "" },
      ...{ program, environment, settings },
    });
  }

  /** Whether a line says when a directory's scripts run, and no more than that. */
  #isPeriod(entry: CrontabEntry): boolean {
    const { command } = entry;
    const [period] = PERIODS.find(([name]) => runsScripts(command, `/etc/cron.${name}`)) ?? [];
    if (period === undefined || this.#periods.has(period)) return false;
    if (command.startsWith("test") && this.#sys.access(ANACRON, 1) === 0) return false;
    this.#periods.set(period, entry);
    return true;
  }

  /** The scripts of one directory: when a line says so, else, without `/etc/crontab` and another line that names it, when Debian's does. */
  #period(period: Bytes, usual: Bytes): void {
    const directory = `/etc/cron.${period}`;
    const line = this.#periods.get(period);
    this.#watch(directory);
    const names = this.#names(directory);
    const elsewhere =
      this.#sys.access(CRONTAB, 0) === 0 ||
      this.#jobs.some(
        ({ program, user }) => user === "root" && typeof program !== "string" && program.text.includes(directory),
      );
    const { schedule, when, environment, settings } = line ?? {
      ...{ schedule: parseSchedule(usual) as Schedule, when: usual, environment: null, settings: DEFAULT_SETTINGS },
    };
    for (const name of names) {
      const path = `${directory}/${name}`;
      const reason = isLeftover(name) ? "" : (refuseName(name) ?? this.#refuseScript(path));
      if (reason !== null) {
        if (reason !== "") this.#refuse(path, reason);
        continue;
      }
      if ((line === undefined && elsewhere) || !this.#canBe(0)) continue;
      this.#jobs.push({
        ...{ key: path, name: `${period}/${name}`, origin: path, schedule, when },
        ...{ user: "root", program: path, chain: period, environment, settings },
      });
    }
  }

  #refuseScript(path: Bytes): string | null {
    const stat = this.#sys.stat(path);
    if (typeof stat === "number") return this.#reasonOf(path, stat);
    if ((stat.mode & Mode.TypeMask) !== Mode.Regular) return "it is not a regular file";
    if ((stat.mode & 0o111) === 0) return `it is not executable: chmod +x ${path}`;
    return (stat.mode & 0o002) !== 0 ? `everybody may write to it: chmod o-w ${path}` : null;
  }
}

/** Where a path's file is. */
function directoryOf(path: Bytes): Bytes {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** 32 bits of a text, as FNV-1a mixes them. */
function hash(text: Bytes): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value >>> 0).toString(16);
}

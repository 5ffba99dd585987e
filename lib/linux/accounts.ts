import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";

/** One line of `/etc/passwd`. @see passwd(5) */
export interface User {
  readonly name: Bytes;
  readonly uid: number;
  readonly gid: number;
  readonly home: Bytes;
  readonly shell: Bytes;
}

/** Whom a program is to run as. `groups` is the whole list for `setgroups(2)`, `gid` first. */
export interface Account {
  /** `null` for a numeric id that `/etc/passwd` does not know. */
  readonly name: Bytes | null;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: Bytes;
  readonly shell: Bytes;
}

/** (uid_t)-1 means "leave as it is" to the kernel, so it is nobody's id. */
const MAX_ID = 2 ** 32 - 2;

/** User of this name, else of this numeric id, in the text of `/etc/passwd`; `null` when there is neither. Malformed lines are passed over. */
export function findUser(passwd: Bytes, nameOrUid: Bytes): User | null {
  const wanted = parseId(nameOrUid);
  let byId: User | null = null;
  for (const user of userLines(passwd)) {
    if (user.name === nameOrUid) return user;
    if (user.uid === wanted) byId ??= user;
  }
  return byId;
}

/** The first user with this id. Unlike {@link findUser} it takes no name that looks like the number. */
export function findUserOfId(passwd: Bytes, uid: number): User | null {
  for (const user of userLines(passwd)) if (user.uid === uid) return user;
  return null;
}

/** @see passwd(5) */
function* userLines(passwd: Bytes): Generator<User> {
  for (const line of passwd.split("\n")) {
    const [name, , uidText, gidText, , home, shell] = line.split(":");
    const uid = parseId(uidText ?? "");
    const gid = parseId(gidText ?? "");
    if (name && uid !== null && gid !== null) yield { name, uid, gid, home: home || "/", shell: shell || "/bin/sh" };
  }
}

/** Whether somebody with these groups, or this name, belongs to a group, from the text of `/etc/group`. */
export function memberOf(group: Bytes, groupName: Bytes, userName: Bytes, groups: readonly number[]): boolean {
  for (const { name, gid, members } of groupLines(group))
    if (name === groupName && (groups.includes(gid) || members.includes(userName))) return true;
  return false;
}

/** Ids of the groups that `initgroups(3)` gives this user, the primary one first, from the text of `/etc/group`. */
export function groupsOf(group: Bytes, userName: Bytes, primaryGid: number): number[] {
  // A set: somebody may be in tens of thousands of groups.
  const gids = new Set([primaryGid]);
  for (const { gid, members } of groupLines(group)) if (members.includes(userName)) gids.add(gid);
  return [...gids];
}

/**
 * Resolves whom to run as from the texts of `/etc/passwd` and `/etc/group`:
 *
 * - `user` or `uid`: with all groups of that user; an id unknown to passwd gets the group of the same number
 * - `user:group[:group…]`, `uid:gid[:gid…]`: with exactly these groups
 * - `:uid[:gid…]`: numbers only, nothing is looked up
 *
 * A user with no entry in passwd has the home `/`. Returns the reason as text when the name or number means nothing.
 */
export function parseUserSpec(spec: Bytes, passwd: Bytes, group: Bytes): Account | string {
  const numeric = spec.startsWith(":");
  const [who = "", ...groupTexts] = (numeric ? spec.slice(1) : spec).split(":");
  const user = numeric ? null : findUser(passwd, who);
  const uid = user ? user.uid : parseId(who);
  if (uid === null) return numeric ? `"${who}" is not a user id` : `no user "${who}" in /etc/passwd`;
  const listed: number[] = [];
  for (const text of groupTexts) {
    const gid = (numeric ? null : findGroup(group, text)) ?? parseId(text);
    if (gid === null) return numeric ? `"${text}" is not a group id` : `no group "${text}" in /etc/group`;
    listed.push(gid);
  }
  const gid = listed[0] ?? user?.gid ?? uid;
  return {
    name: user?.name ?? null,
    uid,
    gid,
    groups: listed.length > 0 || !user ? [gid, ...listed.slice(1)] : groupsOf(group, user.name, gid),
    home: user?.home ?? "/",
    shell: user?.shell ?? "/bin/sh",
  };
}

function findGroup(group: Bytes, name: Bytes): number | null {
  for (const line of groupLines(group)) if (line.name === name) return line.gid;
  return null;
}

/** @see group(5) */
function* groupLines(group: Bytes): Generator<{ name: Bytes; gid: number; members: readonly Bytes[] }> {
  for (const line of group.split("\n")) {
    const [name, , gidText, members] = line.split(":");
    const gid = parseId(gidText ?? "");
    if (name && gid !== null) yield { name, gid, members: (members ?? "").split(",") };
  }
}

function parseId(text: Bytes): number | null {
  return parseDecimal(text, MAX_ID);
}

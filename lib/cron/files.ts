import type { Bytes } from "../text/bytes.ts";

/** Longer crontabs are refused. */
export const MAX_CRONTAB_BYTES = 1 << 17;

/** What decides whether a crontab's text may be obeyed; `links` counts hard links. */
export interface FileState {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
}

const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;

/** Files that packages, editors and people leave beside the real ones. */
const LEFTOVERS = [".dpkg-", ".ucf-", ".rpm", ".swp", ".bak", ".orig", ".old", ".save"];

/** Whether a file's name says that it is a backup or a placeholder, so that leaving it out is no news. */
export function isLeftover(name: Bytes): boolean {
  if (name.startsWith(".") || name.endsWith("~") || name.startsWith("#")) return true;
  return LEFTOVERS.some((part) => name.includes(part));
}

/**
 * Why a file of this name is not used in `/etc/cron.d` and `/etc/cron.daily`, or `null`. Debian's names: letters, digits, `-` and `_`.
 * @see run-parts(8)
 */
export function refuseName(name: Bytes): string | null {
  let fit = "";
  for (const c of name) {
    const plain = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || (c >= "0" && c <= "9") || c === "-" || c === "_";
    fit += plain ? c : "-";
  }
  return fit === name ? null : `its name may only have letters, digits, "-" and "_": rename it to ${fit}`;
}

/**
 * Why a file's text may not be obeyed in the name of `owner`, or `null`: somebody else could have written it.
 *
 * @param owner uid whose commands they are; root may own any crontab
 * @param sharedRoot who else than root is in group 0, as text; `""` is nobody, and then that group's write permission gives nothing away
 * @param closed only root can give the file this name, so that a hard link is root's doing
 */
export function refuseFile(file: FileState, owner: number, sharedRoot: Bytes, closed: boolean): string | null {
  const mode = (file.mode & 0o7777).toString(8).padStart(4, "0");
  if ((file.mode & TYPE_MASK) !== REGULAR) return "it is not a regular file";
  if (file.uid !== owner && file.uid !== 0)
    return `it belongs to uid ${file.uid}, not to uid ${owner}: chown it, or whoever that is could run anything`;
  if ((file.mode & 0o002) !== 0) return `everybody may write to it (mode ${mode}): chmod go-w`;
  if ((file.mode & 0o020) !== 0 && (file.gid !== 0 || sharedRoot !== ""))
    return `its group may write to it (mode ${mode}, gid ${file.gid}${file.gid === 0 ? `, with ${sharedRoot}` : ""}): chmod g-w`;
  if (file.links > 1 && !closed)
    return `it has ${file.links} names (hard links) in a directory that others than root may write to: copy it instead`;
  return null;
}

/** Who besides root is in group 0, joined by commas, from the texts of `/etc/passwd` and `/etc/group`. */
export function sharersOfRootGroup(passwd: Bytes, group: Bytes): Bytes {
  const names = new Set<Bytes>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && gid === "0" && uid !== "0") names.add(name);
  }
  for (const line of group.split("\n")) {
    const [, , gid, members] = line.split(":");
    if (gid === "0") for (const member of (members ?? "").split(",")) if (member !== "") names.add(member);
  }
  names.delete("root");
  return [...names].join(",");
}

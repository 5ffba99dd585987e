import { parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { MAX_ZONE_BYTES, parseZoneFile, unknownZone, ZONE_DIRECTORY } from "../../../lib/linux/zone-file.ts";
import { parseZoneRule, type TimeZone } from "../../../lib/linux/zone-rule.ts";
import { type Bytes, Errno, Mode, type Sys } from "../sys.ts";
import { readFile } from "./files.ts";

const LOCALTIME = "/etc/localtime";
/** Names of what an unknown zone counts in anyway. */
const UTC_NAMES = ["UTC", "GMT", "UCT", "Universal", "Zulu", "Greenwich", "GMT0"];
const UTC: TimeZone = () => 0;

/** A zone that was found. */
interface KnownZone {
  readonly zone: TimeZone;
  /** The file that it was read from; `""` is none. */
  readonly path: Bytes;
  /** Changes with the file. */
  readonly mark: Bytes;
  /** It was asked for since the last {@link Zones.reread}. */
  used: boolean;
}

/** Time zones by the system's files. `""` is the container's own: `TZ`, else `/etc/localtime`. */
export class Zones {
  readonly #sys: Sys;
  /** `null` is a name without a zone. */
  #known = new Map<Bytes, KnownZone | null>();

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** Returns whether there is such a zone: a file of the time zone database, or a rule like `CET-1CEST,M3.5.0,M10.5.0/3`. @see tzset(3) */
  knows(name: Bytes): boolean {
    return name === "" || this.#get(name) !== null;
  }

  /** Returns why the container's own zone is not what was asked for, but UTC; `null` when it is that one. */
  refuseOwn(): Bytes | null {
    if (this.#get("") !== null) return null;
    const name = this.#ownName();
    const instead = "; schedules count in UTC";
    if (name !== LOCALTIME) return `cannot use TZ: ${unknownZone(name)}${instead}`;
    if (this.#sys.lstat(name) === -Errno.ENOENT) return null;
    const found = this.#read(name);
    const reason =
      typeof found === "string" ? found : "it leads to no file (Debian's package tzdata brings those of time zones)";
    return `cannot use ${name}: ${reason}${instead}`;
  }

  /** Returns a zone; UTC where there is no such zone. It stays the same function until its file changes. */
  zone(name: Bytes): TimeZone {
    return this.#get(name)?.zone ?? UTC;
  }

  /** Looks again at the files of the zones that were asked for since the last call, and forgets the others. */
  reread(): void {
    const known = this.#known;
    this.#known = new Map();
    for (const [name, entry] of known)
      if (entry?.used && this.#mark(entry.path) === entry.mark) this.#known.set(name, { ...entry, used: false });
  }

  #get(name: Bytes): KnownZone | null {
    const known = this.#known.get(name);
    if (known !== undefined) {
      if (known !== null) known.used = true;
      return known;
    }
    const found = this.#find(name === "" ? this.#ownName() : name, name === "");
    this.#known.set(name, found);
    return found;
  }

  #ownName(): Bytes {
    const name = parseEnvironBlock(this.#sys.environ).get("TZ") ?? LOCALTIME;
    return name.startsWith(":") ? name.slice(1) : name;
  }

  /** @param trusted the name comes from root and may be a path */
  #find(name: Bytes, trusted: boolean): KnownZone | null {
    const byRule = (zone: TimeZone): KnownZone => ({ zone, path: "", mark: "", used: true });
    if (name === "" || UTC_NAMES.includes(name.replace("Etc/", ""))) return byRule(UTC);
    const found = trusted && name.startsWith("/") ? this.#read(name) : this.#below(name);
    if (found !== null && typeof found !== "string") return found;
    const rule = parseZoneRule(name);
    return rule === null ? null : byRule(rule);
  }

  /** Finds a file of the database. A name cannot lead out of its directory, neither by dots nor by links, and says nothing of other files. */
  #below(name: Bytes): KnownZone | null {
    if (name.split("/").some((part) => part === "" || part.startsWith("."))) return null;
    const directory = this.#sys.realpath(ZONE_DIRECTORY);
    const path = this.#sys.realpath(`${ZONE_DIRECTORY}/${name}`);
    if (typeof directory !== "string" || typeof path !== "string" || !path.startsWith(`${directory}/`)) return null;
    const found = this.#read(path);
    return typeof found === "string" ? null : found;
  }

  /** Reads a zone's file; `null` when there is none, a text that says why it cannot be used. */
  #read(path: Bytes): KnownZone | string | null {
    const mark = this.#mark(path);
    if (mark === "") return null;
    const file = readFile(this.#sys, path, MAX_ZONE_BYTES + 1);
    const zone = typeof file === "string" ? parseZoneFile(file) : this.#sys.strerror(-file);
    return typeof zone === "string" ? zone : { zone, path, mark, used: true };
  }

  /** Identifies what a file holds; `""` where there is no regular file. */
  #mark(path: Bytes): Bytes {
    const stat = path === "" ? 0 : this.#sys.stat(path);
    if (typeof stat === "number" || (stat.mode & Mode.TypeMask) !== Mode.Regular) return "";
    return [stat.ino, stat.mtimeMs, stat.size].join(" ");
  }
}

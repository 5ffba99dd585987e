import { unknownZone } from "../../../../lib/cron/crontab.ts";
import type { Zone } from "../../../../lib/cron/next.ts";
import { parseEnvironBlock } from "../../../../lib/linux/environment.ts";
import { type Bytes, Mode, type Sys } from "../../sys.ts";

const DIRECTORY = "/usr/share/zoneinfo";
const LOCALTIME = "/etc/localtime";
/** Names of what an unknown zone counts in anyway. */
const UTC = ["UTC", "GMT", "UCT", "Universal", "Zulu", "Greenwich", "GMT0"];

/** Time zones by the system's files. `""` is the container's own: `TZ`, else `/etc/localtime`. */
export class Zones {
  readonly #sys: Sys;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** Whether there is such a zone: a file, or a rule like `CET-1CEST,M3.5.0,M10.5.0/3`. @see tzset(3) */
  knows(name: Bytes): boolean {
    if (name === "" || UTC.includes(name.replace("Etc/", ""))) return true;
    if (name.split("/").includes("..")) return false;
    const stat = this.#sys.stat(name.startsWith("/") ? name : `${DIRECTORY}/${name}`);
    if (typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular) return true;
    return isRule(name);
  }

  /** Why the container's own zone is not the one that was asked for, but UTC; `null` when it is that one. */
  refuseOwn(): Bytes | null {
    const set = parseEnvironBlock(this.#sys.environ).get("TZ") ?? LOCALTIME;
    const name = set.startsWith(":") ? set.slice(1) : set;
    const instead = "; schedules count in UTC";
    if (name !== LOCALTIME) return this.knows(name) ? null : `cannot use TZ: ${unknownZone(name)}${instead}`;
    if (this.knows(name) || typeof this.#sys.lstat(name) === "number") return null;
    return `cannot use ${name}: it leads to no file (Debian's package tzdata brings those of time zones)${instead}`;
  }

  /** A zone as the schedules see it. */
  zone(name: Bytes): Zone {
    return (minute) => Math.floor(this.#sys.utcOffset(name, minute * 60) / 60);
  }

  /** Reads `/etc/localtime` again: the C library does so only when it comes from another zone. */
  reread(): void {
    this.#sys.utcOffset("UTC", 0);
  }
}

function isRule(name: Bytes): boolean {
  // A name like `<+03>`, or of letters.
  let end = name.startsWith("<") ? name.indexOf(">") + 1 : 0;
  if (end === 0) while ((name[end] ?? "").toUpperCase() !== (name[end] ?? "").toLowerCase()) end++;
  const rest = name.slice(name[end] === "+" || name[end] === "-" ? end + 1 : end);
  return end >= 3 && rest !== "" && rest.charAt(0) >= "0" && rest.charAt(0) <= "9";
}

import type { Zone } from "../../../lib/schedule-next.ts";
import { type Bytes, Mode, type Sys } from "../sys.ts";

const DIRECTORY = "/usr/share/zoneinfo";

/** Time zones by the system's files. `""` is the container's own: `TZ`, else `/etc/localtime`. */
export class Zones {
  readonly #sys: Sys;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** Whether there is such a zone: a file, or a rule like `CET-1CEST,M3.5.0,M10.5.0/3`. @see tzset(3) */
  knows(name: Bytes): boolean {
    if (name === "" || name === "UTC") return true;
    if (name.split("/").includes("..")) return false;
    const stat = this.#sys.stat(name.startsWith("/") ? name : `${DIRECTORY}/${name}`);
    if (typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular) return true;
    return isRule(name);
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
  let letters = 0;
  while ((name[letters] ?? "").toUpperCase() !== (name[letters] ?? "").toLowerCase()) letters++;
  const rest = name.slice(name[letters] === "+" || name[letters] === "-" ? letters + 1 : letters);
  return letters >= 3 && rest !== "" && rest.charAt(0) >= "0" && rest.charAt(0) <= "9";
}

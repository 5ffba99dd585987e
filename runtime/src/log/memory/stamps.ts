import { formatTime } from "../../../../lib/linux/civil.ts";
import { Zones } from "../../base/zones.ts";
import type { Bytes, Sys } from "../../sys.ts";
import { type Arena, HEAD_BYTES } from "./arena.ts";

/** The start of lines: stamp and host, made once a second and kept in the arena. */
export class Stamps {
  readonly #arena: Arena;
  readonly #sys: Sys;
  readonly #iso: boolean;
  readonly #zones: Zones;
  #isoTime: Bytes = "";
  readonly host: Bytes;
  /** Seconds since the Epoch. */
  second = -1;
  /** Place of `STAMP HOST ` in the arena. */
  readonly at: number;
  /** Length of `STAMP HOST `. */
  bytes = 0;
  /** Length of `STAMP `. */
  stampBytes = 0;

  constructor(arena: Arena, iso: boolean) {
    this.#arena = arena;
    this.#sys = arena.sys;
    this.#iso = iso;
    this.#zones = new Zones(arena.sys);
    this.at = arena.headAt(0);
    const host = arena.sys.hostname();
    this.host = typeof host === "string" ? host.slice(0, HEAD_BYTES / 2) : "localhost";
  }

  /** Makes the stamp again when its second is over. */
  refresh(): this {
    const second = Math.floor(this.#sys.time() / 1000);
    if (second === this.second) return this;
    this.second = second;
    this.#isoTime = "";
    // A startup file may link /etc/localtime while the daemon runs.
    this.#zones.reread();
    const stamp = this.#iso ? this.isoTime() : this.#localTime("%b %e %H:%M:%S");
    this.stampBytes = stamp.length + 1;
    this.bytes = this.#arena.poke(this.at, `${stamp} ${this.host} `);
    return this;
  }

  /** Returns the current second in the form of RFC 3339. */
  isoTime(): Bytes {
    if (this.#isoTime === "") {
      const text = this.#localTime("%Y-%m-%dT%H:%M:%S%z");
      this.#isoTime = `${text.slice(0, -2)}:${text.slice(-2)}`;
    }
    return this.#isoTime;
  }

  #localTime(format: Bytes): Bytes {
    return formatTime(format, this.second, this.#zones.zone("")(this.second));
  }
}

import type { Bytes, Sys } from "../../sys.ts";
import { type Arena, HEAD_BYTES } from "./arena.ts";

/** What lines start with: stamp and host, made once a second and kept in the arena. */
export class Stamps {
  readonly #arena: Arena;
  readonly #sys: Sys;
  readonly #iso: boolean;
  readonly host: Bytes;
  /** Seconds since the Epoch. */
  second = -1;
  /** Where `STAMP HOST ` lies, and its length; the stamp alone with its blank is the first {@link stampBytes} of it. */
  readonly at: number;
  bytes = 0;
  stampBytes = 0;

  constructor(arena: Arena, iso: boolean) {
    this.#arena = arena;
    this.#sys = arena.sys;
    this.#iso = iso;
    this.at = arena.headAt(0);
    const host = arena.sys.hostname();
    this.host = typeof host === "string" ? host.slice(0, HEAD_BYTES / 2) : "localhost";
  }

  /** Makes the stamp anew when its second is over. */
  refresh(): this {
    const second = Math.floor(this.#sys.time() / 1000);
    if (second === this.second) return this;
    this.second = second;
    const stamp = this.#iso ? this.isoTime() : this.#sys.strftime("%b %e %H:%M:%S", second);
    this.stampBytes = stamp.length + 1;
    this.bytes = this.#arena.poke(this.at, `${stamp} ${this.host} `);
    return this;
  }

  /** The current second as RFC 3339 has it. */
  isoTime(): Bytes {
    const text = this.#sys.strftime("%Y-%m-%dT%H:%M:%S%z", this.second);
    return `${text.slice(0, -2)}:${text.slice(-2)}`;
  }
}

import { MAX_CAPTURED } from "../../../../lib/log/capture.ts";
import { parseSettingLines, parseSwitch } from "../../../../lib/text/setting-lines.ts";
import { readFile } from "../../base/files.ts";
import type { Messages } from "../../base/messages.ts";
import { outputPipe } from "../../base/output-pipe.ts";

import { SERVICE_DIRECTORY } from "../../base/places.ts";

import { explainCall, isRefused } from "../../base/refusal.ts";

import type { Bytes, Sys } from "../../sys.ts";

const MAX_SETTINGS_BYTES = 65_536;

/** Pipes of captured services: the daemon reads one end, the service has the other as stdout and stderr. */
export class Captures {
  readonly #sys: Sys;
  readonly #messages: Messages;
  readonly #pipes = new Map<Bytes, readonly [number, number]>();
  /** Services that were removed while their pipe may still hold output. */
  readonly #released = new Set<Bytes>();
  /** Pipes that the running daemon was started with; `null` when an earlier incarnation started it. */
  #given: ReadonlySet<Bytes> | null = null;
  /** Removed services whose output the running daemon was told to read to its end. */
  #draining: readonly Bytes[] = [];

  constructor(sys: Sys, messages: Messages) {
    this.#sys = sys;
    this.#messages = messages;
  }

  get size(): number {
    return this.#pipes.size;
  }

  /** Whether a daemon has still to empty the pipe of a removed service. */
  get pending(): boolean {
    return this.#released.size > 0;
  }

  /** For a daemon that starts: names of the services, and the end of each one's pipe that the daemon reads, in the same order. */
  handedOver(): { names: Bytes[]; ends: number[] } {
    this.#given = new Set(this.#pipes.keys());
    return { names: [...this.#pipes.keys()], ends: [...this.#pipes.values()].map(([end]) => end) };
  }

  /**
   * Whether a service's output is to be captured: by its own `log.conf`, else by `general`.
   * @param general what holds for all services
   */
  wanted(name: Bytes, general: boolean): boolean {
    const text = readFile(this.#sys, `${SERVICE_DIRECTORY}/${name}/log.conf`, MAX_SETTINGS_BYTES);
    const own = parseSettingLines(typeof text === "string" ? text : "").get("LOG_CAPTURE");
    return (own === undefined ? undefined : parseSwitch(own)) ?? general;
  }

  /**
   * The pipe of a service, a new one when it has none yet.
   * @param held the pipe that it has from an earlier incarnation
   * @returns `null` when it cannot have one, which is said; else the pipe, and whether the daemon does not know it yet
   */
  add(name: Bytes, held: readonly [number, number] | null): { pipe: readonly [number, number]; isNew: boolean } | null {
    const known = held ?? this.#pipes.get(name);
    if (known === undefined && this.#pipes.size >= MAX_CAPTURED)
      return this.#refuse(name, `the log daemon takes ${MAX_CAPTURED} services at most`);
    // Nothing has these descriptors: a kernel that makes the call says so.
    const reads = known === undefined ? this.#sys.splice(-1, -1, new Uint8Array(8), 0, 1) : 0;
    if (isRefused(reads)) return this.#refuse(name, explainCall(this.#sys, "splice", reads));
    const pipe = known ?? outputPipe(this.#sys);
    if (typeof pipe === "number") return this.#refuse(name, this.#sys.strerror(-pipe));
    this.#released.delete(name);
    this.#pipes.set(name, pipe);
    return { pipe, isNew: known === undefined };
  }

  /** The service is gone for good. `false` when it was not captured. */
  release(name: Bytes): boolean {
    if (this.#pipes.has(name)) this.#released.add(name);
    return this.#pipes.has(name);
  }

  /** The running daemon is told to read to their end the pipes of services that are gone now. */
  drain(): void {
    this.#draining = [...this.#released].filter((name) => this.#given?.has(name) ?? true);
  }

  /** The daemon has done what {@link drain} announced. */
  drained(): void {
    for (const name of this.#draining) {
      if (!this.#released.delete(name)) continue;
      for (const fd of this.#pipes.get(name) ?? []) this.#sys.close(fd);
      this.#pipes.delete(name);
    }
    this.#draining = [];
  }

  #refuse(name: Bytes, reason: string): null {
    this.#messages.warn(`cannot capture the output of service ${name}: ${reason}; it goes to the container's`);
    return null;
  }
}

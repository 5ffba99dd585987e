import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a measured program can put on the board; the same numbers as in `bench/fixture/board.h`. */
export enum Kind {
  /** It runs: the stamp is the first instruction of its `main`. */
  Started = 1,
  /** It received TERM. */
  Told = 2,
  /** It has done the work it was started for. */
  Done = 3,
  /** It is about to become the init. */
  Launched = 4,
}

/** How long whatever must happen may take before a measurement is given up: no figure depends on it, also on a machine that is busy. */
export const EVENT_LIMIT_MS = 10 * 60_000;

/** One record: `ns` is CLOCK_MONOTONIC, `pid` is as the program saw itself. */
export interface Mark {
  readonly kind: Kind;
  readonly pid: number;
  readonly ns: number;
}

const slots = 16384;
const headerBytes = 64;
const slotBytes = 16;

/** The records in a board's bytes, oldest first; slots that are taken but not yet complete are left out. */
export function parseBoard(bytes: Buffer): Mark[] {
  const used = Math.min(bytes.readUInt32LE(0), slots, Math.floor((bytes.length - headerBytes) / slotBytes));
  const marks: Mark[] = [];
  for (let i = 0; i < used; i++) {
    const at = headerBytes + i * slotBytes;
    const kind = bytes.readUInt32LE(at);
    if (kind === 0) continue;
    marks.push({ kind, pid: bytes.readUInt32LE(at + 4), ns: Number(bytes.readBigUInt64LE(at + 8)) });
  }
  return marks.sort((a, b) => a.ns - b.ns);
}

/** The file that the measured programs map; see `bench/fixture/board.h`. */
export class Board {
  readonly #fd: number;

  /** Makes the file, empty. @param path on a tmpfs, so that no disk takes part in a measurement */
  constructor(readonly path: string) {
    this.#fd = openSync(path, "w+", 0o666);
    ftruncateSync(this.#fd, headerBytes + slots * slotBytes);
  }

  /** Lets the programs that wait for it begin. */
  go(): void {
    writeSync(this.#fd, Buffer.from([1, 0, 0, 0]), 0, 4, 4);
  }

  /** How many records there are; cheap, for polling. */
  count(): number {
    const head = Buffer.alloc(4);
    readSync(this.#fd, head, 0, 4, 0);
    return head.readUInt32LE(0);
  }

  marks(kind: Kind): Mark[] {
    const bytes = Buffer.alloc(headerBytes + Math.min(this.count(), slots) * slotBytes);
    readSync(this.#fd, bytes, 0, bytes.length, 0);
    return parseBoard(bytes).filter((mark) => mark.kind === kind);
  }

  /** Waits until there are so many records of a kind; `false` after the timeout. */
  async reaches(kind: Kind, count: number, timeoutMs = EVENT_LIMIT_MS): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.count() < count || this.marks(kind).length < count) {
      if (performance.now() > deadline) return false;
      await sleep(4);
    }
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

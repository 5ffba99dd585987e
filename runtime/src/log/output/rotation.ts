import { exitCode, exitSignal } from "../../../../lib/linux/wait-status.ts";
import type { Children } from "../../base/children.ts";
import type { Loop } from "../../base/loop.ts";
import { reasonOf, spawn } from "../../base/programs.ts";
import { chownOpen, isTrustedPlace, openTrusted } from "../../base/trusted-files.ts";
import { type Bytes, Open, type Sys } from "../../sys.ts";
import { ADM_GID, isRegular, type LogFile } from "./log-file.ts";

const GZIP = ["/usr/bin/gzip", "/bin/gzip"] as const;
/** Wait after a rotation that failed. */
const RETRY_MS = 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** When a file is rotated, and how many old ones are kept. */
export interface RotationRules {
  readonly rotateBytes: number;
  readonly rotateMs: number;
  readonly keep: number;
  readonly compress: boolean;
  /** Warning when an old file that is not empty is removed. */
  readonly loss?: Bytes;
}

/**
 * Rotates a file: `x` becomes `x.1`, that `x.2` and so on; from `x.2` on they are compressed where there is a gzip. Whatever
 * step a kill comes after, no line is lost or doubled, and the next rotation closes the gap.
 */
export class Rotation {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #warn: (text: string) => void;
  readonly #file: LogFile;
  readonly #rules: RotationRules;
  readonly #environment: Bytes;
  /** Monotonic time at which the file is too old. */
  #dueAt: number;
  /** Monotonic time of the next try after a failure. */
  #notBefore = 0;
  #compressing = false;

  constructor(
    parts: { sys: Sys; loop: Loop; children: Children; warn: (text: string) => void; environment: Bytes },
    file: LogFile,
    rules: RotationRules,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#children = parts.children;
    this.#warn = parts.warn;
    this.#environment = parts.environment;
    this.#file = file;
    this.#rules = rules;
    this.#dueAt = this.#loop.now() + rules.rotateMs - this.#ageOf(`${file.path}.1`);
    this.#tidy();
    this.#compress();
    if (rules.rotateMs > 0) this.#armAge();
  }

  /** Rotates the file if it is too large. To be called between two batches. */
  check(): void {
    const { rotateBytes } = this.#rules;
    const { size, whole } = this.#file;
    // A line without end must not fill the disk either.
    if (rotateBytes > 0 && size >= (whole ? rotateBytes : 2 * rotateBytes)) this.#rotate();
  }

  #armAge(): void {
    this.#loop.after(Math.min(MAX_TIMER_MS, Math.max(1000, this.#dueAt - this.#loop.now())), () => {
      if (this.#loop.now() >= this.#dueAt) {
        this.#dueAt = this.#loop.now() + this.#rules.rotateMs;
        const stat = this.#sys.stat(this.#file.path);
        if (typeof stat !== "number" && stat.size > 0) this.#rotate();
      }
      this.#armAge();
    });
  }

  /** Whether nobody else can lead the file's names elsewhere. Asked each time: directories change. */
  get #trusted(): boolean {
    return isTrustedPlace(this.#sys, this.#file.path);
  }

  /** Returns how long ago the last rotation was, by the last write to the newest rotated file; 0 without one. */
  #ageOf(previous: Bytes): number {
    const stat = this.#sys.stat(previous);
    return typeof stat === "number" ? 0 : Math.min(this.#rules.rotateMs, Math.max(0, this.#sys.time() - stat.mtimeMs));
  }

  #rotate(): void {
    const { path } = this.#file;
    // A file must keep its number while it is being compressed.
    if (this.#compressing || this.#loop.now() < this.#notBefore || !this.#trusted || !isRegular(this.#sys, path))
      return;
    this.#file.close();
    this.#dueAt = this.#loop.now() + this.#rules.rotateMs;
    const failed = this.#rules.keep === 0 ? this.#sys.unlink(path) : this.#shift(path);
    if (failed < 0) {
      this.#notBefore = this.#loop.now() + RETRY_MS;
      this.#warn(`cannot rotate ${path}: ${this.#sys.strerror(-failed)}; next try in a minute`);
    }
    this.#file.size = 0;
    this.#compress();
  }

  /** Renames each file to the next number, from the first free number down, and the current file to `.1`. */
  #shift(path: Bytes): number {
    const { keep } = this.#rules;
    let free = 1;
    while (free <= keep && this.#nameOf(free) !== null) free++;
    if (free > keep) {
      this.#takeAway(keep);
      free = keep;
    }
    for (let number = free - 1; number >= 1; number--) {
      const name = this.#nameOf(number);
      if (name === null) continue;
      const result = this.#sys.rename(name, `${path}.${number + 1}${name.endsWith(".gz") ? ".gz" : ""}`);
      if (result < 0) return result;
    }
    return this.#sys.rename(path, `${path}.1`);
  }

  #takeAway(number: number): void {
    const name = this.#nameOf(number);
    if (name === null) return;
    const { loss } = this.#rules;
    const stat = this.#sys.stat(name);
    if (loss !== undefined && typeof stat !== "number" && stat.size > 0) {
      // A reader may have it open for long; its space on disk is freed now.
      const fd = openTrusted(this.#sys, name, Open.Write, 0);
      if (typeof fd === "number" && fd >= 0) {
        this.#sys.ftruncate(fd, 0);
        this.#sys.close(fd);
      }
      this.#warn(loss);
    }
    this.#sys.unlink(name);
  }

  #nameOf(number: number): Bytes | null {
    const name = `${this.#file.path}.${number}`;
    if (typeof this.#sys.lstat(`${name}.gz`) !== "number") return `${name}.gz`;
    return typeof this.#sys.lstat(name) === "number" ? null : name;
  }

  /** Removes the leftovers of an interrupted compression: half of its result, or the file that it has replaced. */
  #tidy(): void {
    if (!this.#trusted) return;
    for (let number = 1; number <= this.#rules.keep; number++) {
      const name = `${this.#file.path}.${number}`;
      this.#sys.unlink(`${name}.gz.new`);
      if (typeof this.#sys.lstat(`${name}.gz`) !== "number") this.#sys.unlink(name);
    }
  }

  /** Compresses the newest file that should be and is not yet; the others follow. */
  #compress(): void {
    if (!this.#rules.compress || this.#compressing || !this.#trusted) return;
    const gzip = GZIP.find((path) => typeof this.#sys.stat(path) !== "number");
    if (gzip === undefined) return;
    for (let number = 2; number <= this.#rules.keep; number++) {
      const name = this.#nameOf(number);
      if (name !== null && !name.endsWith(".gz") && this.#start(gzip, name)) return;
    }
  }

  #start(gzip: Bytes, name: Bytes): boolean {
    const sys = this.#sys;
    const temporary = `${name}.gz.new`;
    const from = openTrusted(sys, name, Open.Read | Open.NonBlock, 0);
    if (typeof from === "string" || from < 0) {
      this.#warn(`cannot compress ${name}: ${typeof from === "string" ? from : sys.strerror(-from)}`);
      return false;
    }
    sys.unlink(temporary);
    const to = sys.open(temporary, Open.Write | Open.Create | Open.Exclusive, 0o640);
    let pid = to;
    if (to >= 0) {
      chownOpen(sys, to, sys.getuid(), ADM_GID);
      pid = spawn(sys, { path: gzip, argv: ["gzip", "-c"], env: this.#environment, stdio: [from, to, 2] });
      sys.close(to);
    }
    sys.close(from);
    if (pid < 0) {
      sys.unlink(temporary);
      this.#warn(`cannot compress ${name}: ${reasonOf(sys, -pid)}`);
      return false;
    }
    this.#compressing = true;
    this.#children.add(pid, {
      exited: (_, status) => {
        this.#compressing = false;
        if (exitCode(status) === 0 && exitSignal(status) === 0) {
          sys.rename(temporary, `${name}.gz`);
          sys.unlink(name);
          this.#compress();
        } else {
          sys.unlink(temporary);
          this.#warn(`cannot compress ${name}: gzip failed (status ${status}); it stays as it is`);
        }
        // The current file may have grown meanwhile.
        this.check();
      },
    });
    return true;
  }
}

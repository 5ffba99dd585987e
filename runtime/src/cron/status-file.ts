import { CONTAINER_FILE, cronDirectories, encodeJobs, type JobStatus, parseJob } from "../../../lib/cron/protocol.ts";
import { readFile, replaceFile } from "../base/files.ts";
import { containerName } from "../base/this-container.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

/** Identifies one life of the container: the boot of its host and the start of its first process. @see proc_pid_stat(5) */
function bootOf(sys: Sys): Bytes {
  const stat = readFile(sys, "/proc/1/stat", 4096);
  const host = readFile(sys, "/proc/sys/kernel/random/boot_id", 64);
  // The name in parentheses may hold blanks; the 20th field after it is the start.
  const fields = typeof stat === "string" ? stat.slice(stat.lastIndexOf(")") + 2).split(" ") : [];
  return `${typeof host === "string" ? host.trim() : ""} ${fields[19] ?? ""}`;
}

/** cron's own directory: its socket, how its jobs stand, and whether `@reboot` jobs have run in this life of the container. */
export class StatusFile {
  readonly #sys: Sys;
  readonly #container: Bytes;
  /** `null` when there is no place to write to. */
  readonly directory: Bytes | null;

  constructor(sys: Sys) {
    this.#sys = sys;
    this.#container = containerName(sys);
    const places = cronDirectories(sys.getuid(), this.#container);
    this.directory = places.find((path) => this.#open(path) && !this.#isOthers(path)) ?? null;
  }

  #open(path: Bytes): boolean {
    const made = this.#sys.mkdir(path, 0o755);
    if (made < 0 && made !== -Errno.EEXIST) return false;
    // Where all may write, somebody else can have made it before us; a link there would lead anywhere.
    const stat = this.#sys.lstat(path);
    return (
      typeof stat !== "number" &&
      stat.uid === this.#sys.getuid() &&
      (stat.mode & 0o170022) === 0o040000 &&
      this.#sys.access(path, 2) === 0
    );
  }

  /** Whether the cron of another container, which shares the place, works with the directory. */
  #isOthers(path: Bytes): boolean {
    const container = readFile(this.#sys, `${path}/${CONTAINER_FILE}`, 128);
    if (typeof container === "number" || container.trim() === this.#container) return false;
    const connection = this.#sys.unixConnect(`${path}/socket`);
    if (connection >= 0) this.#sys.close(connection);
    return connection >= 0;
  }

  /** Notes whose the directory is. */
  claim(): void {
    this.#replace(CONTAINER_FILE, `${this.#container}\n`, 0o644);
  }

  /** How jobs stood when an earlier cron wrote it. */
  read(): JobStatus[] {
    const text = this.directory === null ? 0 : readFile(this.#sys, `${this.directory}/status`);
    return typeof text === "number" ? [] : text.split("\n").flatMap((line) => parseJob(line) ?? []);
  }

  /** Why it cannot be written, or `null`. */
  write(jobs: readonly JobStatus[]): string | null {
    return this.#replace("status", encodeJobs(jobs));
  }

  #replace(name: Bytes, text: Bytes, mode = 0o600): string | null {
    if (this.directory === null) return null;
    const path = `${this.directory}/${name}`;
    const owner = { mode, uid: this.#sys.getuid(), gid: this.#sys.getgid() };
    const result = replaceFile(this.#sys, path, text, owner);
    return result < 0 ? `cannot write ${path}: ${this.#sys.strerror(-result)}` : null;
  }

  /** Whether `@reboot` jobs have run in this life of the container. */
  hasBooted(): boolean {
    return this.directory !== null && readFile(this.#sys, `${this.directory}/boot`) === bootOf(this.#sys);
  }

  /** Notes that they have. */
  setBooted(): void {
    this.#replace("boot", bootOf(this.#sys));
  }
}

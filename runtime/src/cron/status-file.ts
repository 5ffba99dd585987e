import { cronDirectories, encodeJobs, type JobStatus, parseJob } from "../../../lib/cron/protocol.ts";
import { readFile, replaceFile } from "../base/files.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

/** What identifies one life of the container: the boot of its host and the start of its first process. @see proc_pid_stat(5) */
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
  /** `null` when there is no place to write to. */
  readonly directory: Bytes | null;

  constructor(sys: Sys) {
    this.#sys = sys;
    this.directory = cronDirectories(sys.getuid()).find((path) => this.#open(path)) ?? null;
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

  /** How jobs stood when an earlier cron wrote it. */
  read(): JobStatus[] {
    const text = this.directory === null ? 0 : readFile(this.#sys, `${this.directory}/status`);
    return typeof text === "number" ? [] : text.split("\n").flatMap((line) => parseJob(line) ?? []);
  }

  /** Why it cannot be written, or `null`. */
  write(jobs: readonly JobStatus[]): string | null {
    return this.#replace("status", encodeJobs(jobs));
  }

  #replace(name: Bytes, text: Bytes): string | null {
    if (this.directory === null) return null;
    const path = `${this.directory}/${name}`;
    const owner = { mode: 0o600, uid: this.#sys.getuid(), gid: this.#sys.getgid() };
    const result = replaceFile(this.#sys, path, text, owner);
    return result < 0 ? `cannot write ${path}: ${this.#sys.strerror(-result)}` : null;
  }

  /** True once in a life of the container, however often cron starts in it. */
  isFirstStart(): boolean {
    if (this.directory === null) return true;
    const boot = bootOf(this.#sys);
    if (readFile(this.#sys, `${this.directory}/boot`) === boot) return false;
    this.#replace("boot", boot);
    return true;
  }
}

import { signalName } from "../../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../../lib/linux/wait-status.ts";
import type { Parent } from "../../base/children.ts";
import type { Loop } from "../../base/loop.ts";
import type { Timer } from "../../base/timers.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";
import type { LastRun } from "../job.ts";

const READ_BYTES = 8192;
/** A pipe holds no more. @see pipe(7) */
const PIPE_BYTES = 65_536;
/** Without a line end after so much, a line is passed on as far as it is, with a `\` at its end. */
const LONG_LINE_BYTES = 65_536;
/** While nobody reads the log a job's last words stay in its pipe, and so long they may keep it from having ended. */
const LAST_WORDS_MS = 1000;
const KILL_AFTER_MS = 10_000;
const TERM = 15;
const KILL = 9;

/** What somebody who follows a run gets. */
export interface Follower {
  line(text: Bytes): void;
  /** The run has ended; `status` is a shell's `$?`. */
  ended(last: LastRun, status: number): void;
}

/** What it takes to take a run over after a crash. Times are milliseconds. */
export interface RunRecord {
  readonly key: Bytes;
  readonly name: Bytes;
  /** 0 when it has ended, and something that it left behind has the pipe. */
  readonly pid: number;
  /** The end to read from, which does not wait. */
  readonly pipe: number;
  readonly startedMs: number;
  /** By the monotonic clock. */
  readonly steadyMs: number;
  readonly timeoutMs: number;
}

/** One life of a job: its output line by line, its time limit, its end. */
export class Run implements Parent {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly record: RunRecord;
  readonly #followers: Follower[];
  readonly #closed: () => void;
  #buffer = "";
  #status: WaitStatus | null = null;
  #ended: boolean;
  #timer: Timer | null = null;
  #stopped: "" | "time limit" | "cron ends" = "";
  #open = true;
  #paused = false;

  /**
   * @param followers the first hears what comes after the end too
   * @param closed told when the run has ended and nothing can write to its pipe any more
   */
  constructor(sys: Sys, loop: Loop, record: RunRecord, followers: readonly Follower[], closed: () => void) {
    this.#sys = sys;
    this.#loop = loop;
    this.record = record;
    this.#followers = [...followers];
    this.#closed = closed;
    this.#ended = record.pid === 0;
    loop.watch(record.pipe, () => this.#read());
    if (record.timeoutMs > 0 && !this.#ended) {
      const leftMs = record.timeoutMs - (loop.now() - record.steadyMs);
      this.#timer = loop.after(leftMs, () => this.stop("time limit"));
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  unfollow(follower: Follower): void {
    const at = this.#followers.indexOf(follower);
    if (at >= 0) this.#followers.splice(at, 1);
  }

  /** Leaves its output in the pipe, or takes it again. */
  pause(paused: boolean): void {
    if (paused === this.#paused || !this.#open) return;
    this.#paused = paused;
    if (paused) this.#loop.unwatch(this.record.pipe);
    else {
      this.#loop.watch(this.record.pipe, () => this.#read());
      this.#drain();
    }
  }

  /** Asks it, and all it started in its session's first group, to end; later it is made to. */
  stop(reason: "time limit" | "cron ends"): void {
    if (this.#status !== null || this.#stopped !== "") return;
    this.#stopped = reason;
    if (this.#timer !== null) this.#loop.cancel(this.#timer);
    this.#signal(TERM);
    this.#timer = this.#loop.after(KILL_AFTER_MS, () => this.#signal(KILL));
  }

  exited(_: number, status: WaitStatus): void {
    this.#status = status;
    if (this.#timer !== null) this.#loop.cancel(this.#timer);
    this.#timer = this.#loop.after(LAST_WORDS_MS, () => this.#end(status));
    this.#drain();
  }

  /** A dead job has ended once what it wrote has been read. What it left behind may hold the pipe open for longer. */
  #drain(): void {
    if (this.#status === null) return;
    for (let left = PIPE_BYTES; left > 0 && this.#open && !this.#paused; left -= READ_BYTES) if (!this.#read()) break;
    if (!this.#open || !this.#paused) this.#end(this.#status);
  }

  /** The group's leader is not reaped yet, so the number is still its own. */
  #signal(signal: number): void {
    if (this.#status === null) this.#sys.kill(-this.record.pid, signal);
  }

  /** Whether there may be more to read now. */
  #read(): boolean {
    const data = this.#sys.read(this.record.pipe, READ_BYTES);
    if (data === -Errno.EINTR || data === -Errno.EAGAIN) return false;
    if (typeof data === "number" || data === "") {
      this.#close();
      return false;
    }
    const lines = (this.#buffer + data).split("\n");
    this.#buffer = lines.pop() ?? "";
    for (const line of lines) this.#tell(line);
    if (this.#buffer.length >= LONG_LINE_BYTES) {
      this.#tell(`${this.#buffer}\\`);
      this.#buffer = "";
    }
    return data.length === READ_BYTES;
  }

  #tell(line: Bytes): void {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    for (const follower of [...this.#followers]) follower.line(text);
  }

  #close(): void {
    this.#loop.unwatch(this.record.pipe);
    this.#sys.close(this.record.pipe);
    this.#open = false;
    if (this.#buffer !== "") this.#tell(this.#buffer);
    if (this.#ended) this.#closed();
  }

  #end(status: WaitStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer !== null) this.#loop.cancel(this.#timer);
    const followers = this.#followers.splice(1);
    const [first] = this.#followers;
    const signal = exitSignal(status);
    const how = signal > 0 ? signalName(signal) : exitCode(status) > 0 ? `exit ${exitCode(status)}` : "ok";
    const last: LastRun = {
      started: Math.floor(this.record.startedMs / 1000),
      seconds: Math.round((this.#loop.now() - this.record.steadyMs) / 1000),
      result: this.#stopped || how,
    };
    const code = signal > 0 ? 128 + signal : exitCode(status);
    // What children left behind still write goes to the log only, which is the first.
    for (const follower of [first, ...followers]) follower?.ended(last, this.#stopped === "" ? code : code || 1);
    if (!this.#open) this.#closed();
  }
}

import { formatEnvironBlock } from "../../../lib/environment.ts";
import { parseSettingLines, parseSwitch } from "../../../lib/setting-lines.ts";
import { signalName } from "../../../lib/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/wait-status.ts";
import type { Children, Parent } from "../kernel/children.ts";
import { readFile } from "../kernel/files.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Loop } from "../kernel/loop.ts";
import type { Messages } from "../kernel/messages.ts";
import { spawn } from "../kernel/programs.ts";
import { type Bytes, Errno, Mode, SpawnFlag, type Sys } from "../sys.ts";
import type { ContainerEnvironment } from "./container-environment.ts";

/** Slot of the journal that holds {@link LogRecord}. */
export const LOG_SLOT = 1;

/** An image with this file, which may be empty, has system logging. */
const SETTINGS_FILE = "/etc/shipshape/logd.conf";
const SERVICES = "/etc/service";
const SOCKET = "/dev/log";
/** Where clients of systemd's journal send to. They do without when it is not there. */
const JOURNAL_DIRECTORY = "/run/systemd/journal";
const JOURNAL_SOCKET = `${JOURNAL_DIRECTORY}/socket`;
const LINK = 0o120000;
const EVERYBODY = 0o666;
const SIGUSR1 = 10;
const SIGUSR2 = 12;
/** One that ran this long and dies is started again at once, one that dies sooner after a delay that doubles. */
const SOUND_MS = 100;
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 5000;
/** Deaths are told at most once in this time. */
const TELL_EVERY_MS = 10_000;
/** Somebody who replaces the socket takes ours away and binds another within this time. */
const REPLACE_MS = 1000;

/** What the next incarnation of the init takes over; -1 is no descriptor, 0 no process. */
export interface LogRecord {
  readonly socket: number;
  /** Inode of the socket's name. */
  readonly ino: number;
  readonly journal: number;
  readonly memory: number;
  readonly pid: number;
}

const NONE: LogRecord = { socket: -1, ino: 0, journal: -1, memory: -1, pid: 0 };

/**
 * The log daemon as the init sees it: the init holds the socket and the memory, so that the daemon can end at any time and the
 * next one goes on where it was. Nothing here can fail a boot.
 */
export class LogDaemon implements Parent {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #messages: Messages;
  readonly #journal: Journal;
  readonly #environment: ContainerEnvironment;
  #record: LogRecord;
  /** Pipes of captured services by name. */
  readonly #captured = new Map<Bytes, readonly [number, number]>();
  #startedAt = 0;
  #delayMs = 0;
  #deaths = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #handoverPending = false;
  /** Set while the daemon is to end for good. */
  #ended: (() => void) | null = null;
  readonly #enabled: boolean;
  readonly #captureAll: boolean;
  /** The container stops: services that end stay captured, and nobody wonders at a daemon that is killed with all others. */
  stopping = false;

  /** @param resumed what an earlier incarnation noted, or `undefined` */
  constructor(
    parts: {
      sys: Sys;
      loop: Loop;
      children: Children;
      messages: Messages;
      journal: Journal;
      environment: ContainerEnvironment;
    },
    resumed: LogRecord | undefined,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#children = parts.children;
    this.#messages = parts.messages;
    this.#journal = parts.journal;
    this.#environment = parts.environment;
    this.#record = resumed ?? NONE;
    if (resumed === undefined) this.#note({});
    const settings = readFile(this.#sys, SETTINGS_FILE, 65536);
    // One that cannot be read is there.
    this.#enabled = settings !== -Errno.ENOENT && settings !== -Errno.ENOTDIR;
    const given = parseSettingLines(typeof settings === "string" ? settings : "").get("LOG_CAPTURE");
    this.#captureAll =
      this.#enabled && (parseSwitch(this.#environment.variables.get("LOG_CAPTURE") ?? given ?? "") ?? false);
  }

  /** Pid of the daemon, 0 while there is none: the one process that a stop does not wait for. */
  get pid(): number {
    return this.#record.pid;
  }

  /** Binds the socket and starts the daemon, or takes over those of an earlier incarnation. Waits for nothing. */
  start(): void {
    if (!this.#enabled) return;
    if (this.#record.memory >= 0) {
      if (this.#record.pid > 0) this.#children.add(this.#record.pid, this);
      this.#startedAt = this.#loop.now();
    } else {
      this.#note({ memory: this.#sys.memfd("log") });
      this.#bind();
    }
    this.#loop.watchDirectory("/dev", () => this.#look());
    if (this.#record.pid === 0) this.#startDaemon();
  }

  /**
   * A pipe that the daemon reads, for a service's stdout and stderr.
   * @param held the one that it has from an earlier incarnation
   * @returns `null` when this service is not captured
   */
  capture(name: Bytes, held: readonly [number, number] | null): readonly [number, number] | null {
    if (!this.#enabled) return null;
    const text = readFile(this.#sys, `${SERVICES}/${name}/log.conf`, 65536);
    const own = parseSwitch(parseSettingLines(typeof text === "string" ? text : "").get("LOG_CAPTURE") ?? "");
    const asked = typeof text === "string" && parseSettingLines(text).has("LOG_CAPTURE") ? own : undefined;
    if (!(asked ?? this.#captureAll)) return null;
    const pipe = held ?? this.#sys.pipe();
    if (typeof pipe === "number") {
      this.#messages.warn(
        `cannot capture the output of service ${name}: ${this.#sys.strerror(-pipe)}; it goes to the container's`,
      );
      return null;
    }
    this.#captured.set(name, pipe);
    if (held === null) this.#handOver();
    return pipe;
  }

  /** The service is gone for good. What it wrote last is written by the daemon before it hands over. */
  release(name: Bytes): void {
    const pipe = this.#captured.get(name);
    if (pipe === undefined || this.stopping) return;
    this.#captured.delete(name);
    for (const fd of pipe) this.#sys.close(fd);
    this.#handOver();
  }

  /** Lets the daemon write what it has, and end. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
      if (this.#record.pid > 0) this.#sys.kill(this.#record.pid, SIGUSR2);
      else resolve();
    });
  }

  /** @see Parent */
  exited(pid: number, status: WaitStatus): void {
    if (pid !== this.#record.pid) return;
    this.#note({ pid: 0 });
    if (status === 0 && this.#ended !== null) this.#ended();
    else if (status === 0) this.#startDaemon();
    else this.#died(status);
  }

  #died(status: WaitStatus): void {
    const now = this.#loop.now();
    const sound = now - this.#startedAt >= SOUND_MS;
    this.#delayMs = sound ? 0 : Math.min(MAX_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * this.#delayMs));
    this.#deaths++;
    if (!this.stopping && now - this.#toldAt >= TELL_EVERY_MS) {
      const signal = exitSignal(status);
      const how = signal > 0 ? `was killed by ${signalName(signal)}` : `exited with status ${exitCode(status)}`;
      const times = this.#deaths > 1 ? ` (${this.#deaths} times since this was last said)` : "";
      this.#messages.warn(`the log daemon ${how}${times}; starting it again, messages wait meanwhile`);
      this.#toldAt = now;
      this.#deaths = 0;
    }
    if (this.#delayMs === 0) this.#startDaemon();
    else this.#loop.after(this.#delayMs, () => this.#startDaemon());
  }

  #startDaemon(): void {
    if (this.#record.pid > 0 || this.#record.memory < 0) return;
    if (this.#record.socket < 0 && this.#captured.size === 0) {
      this.#ended?.();
      return;
    }
    const pid = spawn(this.#sys, {
      path: "/proc/self/exe",
      argv: ["logd", ...this.#captured.keys()],
      env: formatEnvironBlock(this.#environment.variables),
      stdio: [
        this.#record.socket,
        1,
        2,
        this.#record.memory,
        this.#record.journal,
        ...[...this.#captured.values()].map(([end]) => end),
      ],
      flags: SpawnFlag.Session,
    });
    this.#startedAt = this.#loop.now();
    if (pid > 0) {
      this.#note({ pid });
      this.#children.add(pid, this);
      // Told to end while there was none.
      if (this.#ended !== null) this.#sys.kill(pid, SIGUSR2);
      return;
    }
    this.#delayMs = Math.min(MAX_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * this.#delayMs));
    if (this.#delayMs === MAX_DELAY_MS || this.#delayMs === FIRST_DELAY_MS)
      this.#messages.warn(`cannot start the log daemon: ${this.#sys.strerror(-pid)}; messages wait until it can be`);
    this.#loop.after(this.#delayMs, () => this.#startDaemon());
  }

  /** Has the daemon replaced by one with the descriptors of now; nothing is lost by that. */
  #handOver(): void {
    if (this.#record.memory < 0 || this.#handoverPending) return;
    this.#handoverPending = true;
    this.#loop.after(0, () => {
      this.#handoverPending = false;
      if (this.#record.pid > 0) this.#sys.kill(this.#record.pid, SIGUSR1);
      else this.#startDaemon();
    });
  }

  #bind(): boolean {
    const sys = this.#sys;
    const socket = this.#bindAt(SOCKET);
    if (socket < 0) {
      this.#messages.warn(`cannot bind ${SOCKET}: ${this.#whyNotBound(-socket)}; what programs send to syslog is lost`);
      return false;
    }
    const bound = sys.lstat(SOCKET);
    this.#note({ socket, ino: typeof bound === "number" ? 0 : bound.ino });
    if (this.#record.journal < 0) this.#bindJournal();
    return true;
  }

  /** Binds a socket that everybody may send to, in place of one that nobody reads any more; `-errno` when that cannot be. */
  #bindAt(path: Bytes): number {
    const there = this.#sys.lstat(path);
    if (typeof there !== "number") {
      const type = there.mode & Mode.TypeMask;
      if (type === Mode.Socket || type === LINK) this.#sys.unlink(path);
    }
    const socket = this.#sys.unixBindDatagram(path);
    if (socket < 0) return socket;
    this.#sys.chmod(path, EVERYBODY);
    this.#sys.passCredentials(socket);
    return socket;
  }

  /** Nobody misses it where it cannot be. */
  #bindJournal(): void {
    this.#sys.mkdir("/run/systemd", 0o755);
    this.#sys.mkdir(JOURNAL_DIRECTORY, 0o755);
    const journal = this.#bindAt(JOURNAL_SOCKET);
    if (journal >= 0) this.#note({ journal });
  }

  #whyNotBound(errno: number): string {
    const reason = this.#sys.strerror(errno);
    if (errno !== Errno.EADDRINUSE) return reason;
    const there = this.#sys.lstat(SOCKET);
    const type = typeof there === "number" ? 0 : there.mode & Mode.TypeMask;
    return type === Mode.Socket ? "it is mounted from elsewhere" : `there is something else than a socket (${reason})`;
  }

  /** Something in /dev has changed: is the socket still ours? */
  #look(): void {
    if (this.#ended !== null) return;
    const there = this.#sys.lstat(SOCKET);
    if (typeof there === "number") this.#loop.after(REPLACE_MS, () => this.#takePlace());
    else if (this.#record.socket >= 0 && there.ino !== this.#record.ino) this.#stepAside();
  }

  #takePlace(): void {
    if (this.#ended !== null || typeof this.#sys.lstat(SOCKET) !== "number") return;
    const old = this.#record.socket;
    if (!this.#bind()) return;
    if (old >= 0) this.#sys.close(old);
    this.#messages.warn(`${SOCKET} was gone: it is bound again`);
    this.#handOver();
  }

  #stepAside(): void {
    this.#messages.warn(`${SOCKET} belongs to another log daemon now: ours steps aside`);
    this.#sys.close(this.#record.socket);
    // One that nobody reads would make its clients wait; without it they go on.
    if (this.#record.journal >= 0) {
      this.#sys.unlink(JOURNAL_SOCKET);
      this.#sys.close(this.#record.journal);
    }
    this.#note({ socket: -1, ino: 0, journal: -1 });
    // It still has its end of the socket, writes what is in it and ends.
    if (this.#record.pid > 0) this.#sys.kill(this.#record.pid, SIGUSR2);
  }

  #note(change: Partial<LogRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#journal.write(LOG_SLOT, JSON.stringify(this.#record));
  }
}

import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../lib/linux/wait-status.ts";
import { parseSettingLines, parseSwitch } from "../../../lib/text/setting-lines.ts";
import type { Children, Parent } from "../base/children.ts";
import { readFile } from "../base/files.ts";
import type { Journal } from "../base/journal.ts";
import type { Loop } from "../base/loop.ts";
import type { Messages } from "../base/messages.ts";
import { reasonOf, spawn } from "../base/programs.ts";
import { type Bytes, Errno, Mode, SpawnFlag, type Sys } from "../sys.ts";
import type { ContainerEnvironment } from "./container-environment.ts";

/** Slot of the journal that holds {@link LogRecord}. */
export const LOG_SLOT = 1;

/** The name of the daemon's start in the journal. */
const INTENT = "log daemon";
/** An image with this file, which may be empty, has system logging. */
const SETTINGS_FILE = "/etc/shipshape/logd.conf";
/** Images that were made for another log daemon bring it; without a word their remote log would be lost unnoticed. */
const OTHERS_SETTINGS = "/etc/syslog-ng";
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
/** Somebody who replaces the socket, or starts anew, takes the old one away and binds another within this time. */
const REPLACE_MS = 1000;

/** What the next incarnation of the init takes over; -1 is no descriptor, 0 no process. */
export interface LogRecord {
  readonly socket: number;
  /** Inode of the socket's name; without a socket of ours that of the daemon which we stepped aside for, 0 for none. */
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
  /** Pipes of captured services by name, and those of them that are gone: the daemon has still to take what is in their pipe. */
  readonly #captured = new Map<Bytes, readonly [number, number]>();
  readonly #released = new Set<Bytes>();
  /** Those of them that were gone when the daemon was told to hand over. */
  #taken: readonly Bytes[] = [];
  #startedAt = 0;
  #delayMs = 0;
  #deaths = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #handoverPending = false;
  /** Set while the daemon is to end for good. */
  #ended: (() => void) | null = null;
  readonly #enabled: boolean;
  /** `LOG_CAPTURE` of the settings file. */
  readonly #captureGiven: Bytes;
  /** The variables that the running daemon was started with. */
  #variables: ReadonlyMap<Bytes, Bytes>;
  #looking = false;
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
    this.#variables = this.#environment.variables;
    this.#record = resumed ?? NONE;
    if (resumed === undefined) this.#note({});
    const settings = readFile(this.#sys, SETTINGS_FILE, 65536);
    // One that cannot be read is there.
    this.#enabled = settings !== -Errno.ENOENT && settings !== -Errno.ENOTDIR;
    this.#captureGiven = parseSettingLines(typeof settings === "string" ? settings : "").get("LOG_CAPTURE") ?? "";
  }

  /** Pid of the daemon, 0 while there is none: the one process that a stop does not wait for. */
  get pid(): number {
    return this.#record.pid;
  }

  /** Binds the socket and starts the daemon, or takes over those of an earlier incarnation. Waits for nothing. */
  start(): void {
    if (!this.#enabled) return;
    if (this.#record.memory >= 0) {
      const { intent, pid } = this.#journal.last.started;
      if (this.#record.pid === 0 && intent === INTENT && pid > 0) this.#note({ pid });
      if (this.#record.pid > 0) this.#children.adopt(this.#record.pid, this);
      this.#startedAt = this.#loop.now();
    } else {
      this.#note({ memory: this.#sys.memfd("log") });
      if (this.#sys.access(OTHERS_SETTINGS, 0) === 0 && this.#sys.access("/usr/sbin/syslog-ng", 1) < 0)
        this.#messages.warn(
          `${OTHERS_SETTINGS} is not read: syslog-ng is not in this image; for a remote log LOG_FORWARD=udp://HOST:PORT`,
        );
    }
    // A crash may have come between the two.
    if (this.#record.socket < 0 && this.#record.ino === 0) this.#bind();
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
    const all = parseSwitch(this.#environment.variables.get("LOG_CAPTURE") ?? this.#captureGiven) ?? false;
    if (!(asked ?? all)) return null;
    this.#released.delete(name);
    const known = held ?? this.#captured.get(name);
    const pipe = known ?? this.#sys.pipe();
    if (typeof pipe === "number") {
      this.#messages.warn(
        `cannot capture the output of service ${name}: ${this.#sys.strerror(-pipe)}; it goes to the container's`,
      );
      return null;
    }
    this.#captured.set(name, pipe);
    if (known === undefined) this.#handOver();
    return pipe;
  }

  /** The service is gone for good. Its pipe is closed once a daemon has written what is in it. */
  release(name: Bytes): void {
    if (!this.#captured.has(name) || this.stopping) return;
    this.#released.add(name);
    this.#handOver();
  }

  /** Startup files may have changed variables: a daemon that knows others is replaced. */
  environmentChanged(): void {
    const [before, now] = [this.#variables, this.#environment.variables];
    this.#variables = now;
    if (this.#record.pid > 0 && (concerns(before, now) || concerns(now, before))) this.#handOver();
  }

  /** A child has ended: perhaps the log daemon that ours stepped aside for, and not each of them takes its socket away. */
  childEnded(): void {
    if (this.#looking || this.#ended !== null || this.#record.socket >= 0 || this.#record.ino === 0) return;
    this.#looking = true;
    this.#loop.after(REPLACE_MS, () => {
      this.#looking = false;
      const there = this.#sys.lstat(SOCKET);
      if (this.#record.socket >= 0 || typeof there === "number" || there.ino !== this.#record.ino) return;
      const peer = this.#sys.unixConnectDatagram(SOCKET);
      if (peer >= 0) this.#sys.close(peer);
      else if (peer === -Errno.ECONNREFUSED) this.#takePlace("was left behind by a log daemon that has ended");
    });
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
    if (status !== 0) this.#died(status);
    else if (this.#ended !== null) this.#ended();
    else {
      this.#closeReleased();
      this.#startDaemon();
    }
  }

  #closeReleased(): void {
    for (const name of this.#taken) {
      if (!this.#released.delete(name)) continue;
      for (const fd of this.#captured.get(name) ?? []) this.#sys.close(fd);
      this.#captured.delete(name);
    }
    this.#taken = [];
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
    this.#variables = this.#environment.variables;
    this.#journal.intend(INTENT);
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
      // What is sent to it at once must not end it before it listens.
      flags: SpawnFlag.Session | SpawnFlag.Blocked,
    });
    this.#startedAt = this.#loop.now();
    if (pid > 0) {
      this.#note({ pid });
      this.#children.add(pid, this);
      // Told to end, or to hand over, while there was none.
      if (this.#ended !== null) this.#sys.kill(pid, SIGUSR2);
      else if (this.#released.size > 0) this.#replace(pid);
      return;
    }
    this.#delayMs = Math.min(MAX_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * this.#delayMs));
    if (this.#delayMs === MAX_DELAY_MS || this.#delayMs === FIRST_DELAY_MS)
      this.#messages.warn(`cannot start the log daemon: ${reasonOf(this.#sys, -pid)}; messages wait until it can be`);
    this.#loop.after(this.#delayMs, () => this.#startDaemon());
  }

  /** Has the daemon replaced by one with the descriptors of now; nothing is lost by that. */
  #handOver(): void {
    if (this.#record.memory < 0 || this.#handoverPending) return;
    this.#handoverPending = true;
    this.#loop.after(0, () => {
      this.#handoverPending = false;
      if (this.#record.pid > 0) this.#replace(this.#record.pid);
      else this.#startDaemon();
    });
  }

  #replace(pid: number): void {
    this.#taken = [...this.#released];
    this.#sys.kill(pid, SIGUSR1);
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
    if (typeof there === "number") {
      this.#loop.after(REPLACE_MS, () => {
        if (typeof this.#sys.lstat(SOCKET) === "number") this.#takePlace("was gone");
      });
    } else if (this.#record.socket >= 0 && there.ino !== this.#record.ino) this.#stepAside(there.ino);
    // The other daemon has started anew.
    else if (this.#record.socket < 0 && this.#record.ino > 0 && there.ino !== this.#record.ino)
      this.#note({ ino: there.ino });
  }

  /** @param why completes the sentence that begins with the socket's name */
  #takePlace(why: Bytes): void {
    if (this.#ended !== null) return;
    const old = this.#record.socket;
    if (!this.#bind()) {
      // Not to be tried again for each child that ends.
      this.#note({ ino: 0 });
      return;
    }
    if (old >= 0) this.#sys.close(old);
    this.#messages.warn(`${SOCKET} ${why}: it is bound again`);
    this.#handOver();
  }

  #stepAside(ino: number): void {
    this.#messages.warn(`${SOCKET} belongs to another log daemon now: ours steps aside`);
    this.#sys.close(this.#record.socket);
    // One that nobody reads would make its clients wait; without it they go on.
    if (this.#record.journal >= 0) {
      this.#sys.unlink(JOURNAL_SOCKET);
      this.#sys.close(this.#record.journal);
    }
    this.#note({ socket: -1, ino, journal: -1 });
    // It still has its end of the socket, writes what is in it and ends.
    if (this.#record.pid > 0) this.#sys.kill(this.#record.pid, SIGUSR2);
  }

  #note(change: Partial<LogRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#journal.write(LOG_SLOT, JSON.stringify(this.#record));
  }
}

/** Whether `these` has a variable that means something to the daemon and that `others` has not. */
function concerns(these: ReadonlyMap<Bytes, Bytes>, others: ReadonlyMap<Bytes, Bytes>): boolean {
  for (const [name, value] of these) {
    if ((name === "TZ" || name.startsWith("LOG_")) && others.get(name) !== value) return true;
  }
  return false;
}

import { formatEnvironBlock } from "../../../../lib/linux/environment.ts";
import { listenSockets } from "../../../../lib/log/rsyslog.ts";
import { parseSettingLines, parseSwitch } from "../../../../lib/text/setting-lines.ts";
import { isSettingOf, settingText } from "../../../../lib/text/settings.ts";
import { anonymousFile } from "../../base/anonymous-file.ts";
import type { Children } from "../../base/children.ts";
import { readFile } from "../../base/files.ts";
import type { Journal } from "../../base/journal.ts";
import type { Loop } from "../../base/loop.ts";
import type { Messages } from "../../base/messages.ts";

import { LOG_SETTINGS_FILE } from "../../base/places.ts";

import { explainCall, isRefused } from "../../base/refusal.ts";

import type { Output } from "../../supervise/context.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";
import type { ContainerEnvironment } from "../container-environment.ts";
import { Captures } from "./captures.ts";
import { DaemonProcess, type Inputs } from "./process.ts";
import { LogSockets, type SocketRecord } from "./socket.ts";

/** Slot of the journal that holds {@link LogRecord}. */
export const LOG_SLOT = 1;

/** Settings of another log daemon: images bring them for a remote log, which would be lost unnoticed. */
const OTHERS_SETTINGS = ["/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d"] as const;
/** Packages leave files here that ask rsyslog for sockets in chroots. */
const RSYSLOG_FILE = "/etc/rsyslog.conf";
const RSYSLOG_DIRECTORY = "/etc/rsyslog.d";
const MAX_SETTINGS_BYTES = 65_536;

/** What the next incarnation of the init takes over, besides a {@link SocketRecord} for each socket. */
export interface LogRecord {
  /** Descriptor of the daemon's memory, -1 without system logging. */
  readonly memory: number;
  /** 0 for no process. */
  readonly pid: number;
  /** All sockets have been bound that can be; an incarnation that crashed before leaves that to the next. */
  readonly bound: boolean;
}

const NONE: LogRecord = { memory: -1, pid: 0, bound: false };

/** Takes the records of sockets out of the journal's records. */
export function takeSocketRecords(records: Map<number, unknown>): Map<number, SocketRecord> {
  const sockets = new Map<number, SocketRecord>();
  for (const [slot, record] of records) {
    if (typeof record === "object" && record !== null && "socket" in record) sockets.set(slot, record as SocketRecord);
  }
  for (const slot of sockets.keys()) records.delete(slot);
  return sockets;
}

/**
 * The log daemon as the init sees it: the init holds the sockets, the pipes and the memory, so that the daemon can end at any time and
 * the next one goes on where it was. Nothing here can fail a boot.
 */
export class LogDaemon implements Output, Inputs {
  readonly #sys: Sys;
  readonly #messages: Messages;
  readonly #journal: Journal;
  readonly #environment: ContainerEnvironment;
  readonly #sockets: LogSockets;
  readonly #captures: Captures;
  readonly #process: DaemonProcess;
  #record: LogRecord;
  readonly #enabled: boolean;
  /** Settings file. */
  readonly #settings: ReadonlyMap<Bytes, Bytes>;
  /** The variables that the running daemon was started with. */
  #variables: ReadonlyMap<Bytes, Bytes>;
  /** No daemon stays alive, so its sockets were given up. */
  #unread = false;

  /** @param resumed what an earlier incarnation noted: `undefined` when there was none */
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
    sockets: ReadonlyMap<number, SocketRecord>,
  ) {
    this.#sys = parts.sys;
    this.#messages = parts.messages;
    this.#journal = parts.journal;
    this.#environment = parts.environment;
    this.#variables = this.#environment.variables;
    this.#record = resumed ?? NONE;
    if (resumed === undefined) this.#note({});
    this.#sockets = new LogSockets(parts, sockets, () => this.#process.handOver());
    this.#captures = new Captures(parts.sys, parts.messages);
    this.#process = new DaemonProcess(parts, this, this.#record.pid, (pid) => this.#note({ pid }));
    const settings = readFile(this.#sys, LOG_SETTINGS_FILE, MAX_SETTINGS_BYTES);
    // A file that cannot be read is there.
    this.#enabled = settings !== -Errno.ENOENT && settings !== -Errno.ENOTDIR;
    this.#settings = parseSettingLines(typeof settings === "string" ? settings : "");
  }

  /** Pid of the daemon, 0 while there is none: the one process that a stop does not wait for. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The container stops: services that end stay captured. */
  set stopping(stopping: boolean) {
    this.#process.quiet = stopping;
  }

  /** Binds the sockets and starts the daemon, or takes over those of an earlier incarnation. Waits for nothing. */
  start(): void {
    if (!this.#enabled) return;
    if (this.#record.memory < 0 && !this.#begin()) return;
    if (!this.#record.bound) this.#bind();
    this.#sockets.watch();
    this.#process.begin();
  }

  /** @see Output */
  capture(name: Bytes, held: readonly [number, number] | null): readonly [number, number] | null {
    // There has to be a daemon that reads the pipe.
    if (this.#record.memory < 0 || (this.#unread && held === null)) return null;
    const general = settingText(this.#environment.variables, "LOG_CAPTURE") ?? this.#settings.get("LOG_CAPTURE") ?? "";
    if (!this.#captures.wanted(name, parseSwitch(general) ?? false)) return null;
    const added = this.#captures.add(name, held);
    if (added?.isNew) this.#process.handOver();
    return added?.pipe ?? null;
  }

  /** The service is gone for good. Its pipe is closed once a daemon has written what is in it. */
  release(name: Bytes): void {
    if (!this.#process.quiet && this.#captures.release(name)) this.#process.handOver();
  }

  /** Startup files may have changed variables, or asked for sockets: a daemon that knows others is replaced. */
  environmentChanged(): void {
    const [before, now] = [this.#variables, this.#environment.variables];
    this.#variables = now;
    if (this.#record.memory < 0) return;
    if (this.#addSockets() || concerns(before, now) || concerns(now, before)) this.#process.handOver();
  }

  /** A child has ended, or was stopped. */
  childChanged(): void {
    this.#sockets.childEnded();
    this.#process.childChanged();
  }

  /** Takes the sockets' names away, lets the daemon write what it has, and end. */
  end(): Promise<void> {
    this.#sockets.withdraw();
    return this.#process.end();
  }

  // ---- what the process asks for ----
  /** @see Inputs */
  get any(): boolean {
    return this.#record.memory >= 0 && (this.#sockets.any || this.#captures.size > 0 || this.#unread);
  }

  get pending(): boolean {
    return this.#sockets.pending || this.#captures.pending;
  }

  /** Descriptors: syslog, stdout, stderr, memory, journal; then one for each argument, a path for a socket, else a captured service. */
  program(): { argv: readonly Bytes[]; env: Bytes; stdio: readonly number[] } {
    this.#variables = this.#environment.variables;
    const { syslog, journal, paths, others } = this.#sockets.handedOver();
    const { names, ends } = this.#captures.handedOver();
    return {
      argv: [...paths, ...names],
      env: formatEnvironBlock(this.#environment.variables),
      stdio: [syslog, 1, 2, this.#record.memory, journal, ...others, ...ends],
    };
  }

  drain(): void {
    this.#sockets.drain();
    this.#captures.drain();
  }

  drained(): void {
    this.#sockets.drained();
    this.#captures.drained();
  }

  unread(): void {
    this.#unread = true;
    this.#sockets.giveUp();
    this.#messages.warn(
      "the log daemon does not stay alive: its sockets are closed, so that programs that log do not wait for it; what they send is lost",
    );
  }

  readAgain(): void {
    this.#unread = false;
    this.#messages.warn("the log daemon works again");
    this.#bind();
    this.#process.handOver();
  }

  /** `false` when the daemon could not work, which is said. */
  #begin(): boolean {
    // Nothing has this descriptor: a kernel that makes the call says so.
    const receives = this.#sys.recvmmsg(-1, new Uint8Array(1), 0, 0, 0, 0);
    if (isRefused(receives)) {
      this.#messages.warn(
        `there is no log daemon: it cannot receive: ${explainCall(this.#sys, "recvmmsg", receives)}; what programs send to syslog is lost`,
      );
      return false;
    }
    const memory = anonymousFile(this.#sys, "log");
    if (memory < 0) {
      this.#messages.warn(
        `there is no log daemon: its memory cannot be made: ${this.#sys.strerror(-memory)}; what programs send to syslog is lost. Allow memfd_create(2), or let /dev/shm be writable`,
      );
      return false;
    }
    this.#note({ memory });
    if (this.#hasOthersSettings() && this.#sys.access("/usr/sbin/syslog-ng", 1) < 0)
      this.#messages.warn(
        "/etc/syslog-ng is not read: syslog-ng is not in this image; for a remote log SHIPSHAPE_LOG_FORWARD=udp://HOST:PORT",
      );
    return true;
  }

  /** Whether syslog-ng has settings here. The image's own file has comments only: it is there for old Dockerfiles that edit it. */
  #hasOthersSettings(): boolean {
    const [file, directory] = OTHERS_SETTINGS;
    const text = readFile(this.#sys, file, MAX_SETTINGS_BYTES);
    const isSetting = (line: Bytes): boolean => line.trim() !== "" && !line.trim().startsWith("#");
    if (typeof text === "string" && text.split("\n").some(isSetting)) return true;
    const names = this.#sys.readdir(directory);
    return typeof names !== "number" && names.length > 0;
  }

  #bind(): void {
    this.#sockets.bind();
    this.#addSockets();
    this.#note({ bound: true });
  }

  /** Binds the sockets that `LOG_SOCKETS` and rsyslog's configuration ask for; whether one is new. */
  #addSockets(): boolean {
    let added = false;
    for (const path of (this.#settings.get("LOG_SOCKETS") ?? "").replaceAll("\t", " ").split(" "))
      if (path !== "" && this.#sockets.add(path, `LOG_SOCKETS in ${LOG_SETTINGS_FILE}`, false)) added = true;
    const names = this.#sys.readdir(RSYSLOG_DIRECTORY);
    const parts = typeof names === "number" ? [] : names.filter((name) => name.endsWith(".conf")).sort();
    for (const file of [RSYSLOG_FILE, ...parts.map((name) => `${RSYSLOG_DIRECTORY}/${name}`)]) {
      const text = readFile(this.#sys, file, MAX_SETTINGS_BYTES);
      for (const path of typeof text === "string" ? listenSockets(text) : [])
        if (this.#sockets.add(path, file, true)) added = true;
    }
    return added;
  }

  #note(change: Partial<LogRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#journal.write(LOG_SLOT, JSON.stringify(this.#record));
  }
}

/** Whether `these` has a variable that means something to the daemon and that `others` has not. */
function concerns(these: ReadonlyMap<Bytes, Bytes>, others: ReadonlyMap<Bytes, Bytes>): boolean {
  for (const [name, value] of these) {
    if ((name === "TZ" || isSettingOf(name, "LOG_")) && others.get(name) !== value) return true;
  }
  return false;
}

import { parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { Signal } from "../../../lib/linux/signals.ts";
import { LOG_FILES } from "../../../lib/log/routes.ts";
import { DEFAULT_LOG_SETTINGS, type LogSettings, readLogSettings } from "../../../lib/log/settings.ts";
import { JOURNAL_SOCKET } from "../../../lib/log/sockets.ts";
import { parseSettingLines } from "../../../lib/text/setting-lines.ts";
import type { SettingSource } from "../../../lib/text/settings.ts";
import { Children } from "../base/children.ts";
import { readFile } from "../base/files.ts";
import { HEALTHY_AFTER_MS } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import { LOG_SETTINGS_FILE, SERVICE_DIRECTORY } from "../base/places.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { ForwarderProcess } from "./forward/process.ts";
import { SPOOL, SPOOL_BYTES } from "./forward/spool.ts";
import { CapturedPipe } from "./input/captured-pipe.ts";
import { RateLimit } from "./input/rate-limit.ts";
import { SyslogInput } from "./input/syslog.ts";
import { Arena, CHUNK_AT, Kind, MAX_ENTRIES, Protocol, SCRATCH_BYTES, SLOTS, Word } from "./memory/arena.ts";
import { assignEntries, type Entry, entryAt, freeEntry, PATH_AT } from "./memory/entries.ts";
import { Stamps } from "./memory/stamps.ts";
import { ContainerLog } from "./output/container-log.ts";
import { Formatter } from "./output/formatter.ts";
import { LogFile } from "./output/log-file.ts";
import { Logrotate } from "./output/logrotate.ts";
import { Rotation } from "./output/rotation.ts";
import { Writer } from "./output/writer.ts";

/**
 * Descriptors from the init: the sockets, and the memory that outlives this process. From {@link FIRST_ARGUMENT} on there is one for each
 * argument: a further socket for a path, else the pipe of a service.
 */
const SOCKET = 0;
const MEMORY = 3;
const JOURNAL = 4;
const FIRST_ARGUMENT = 5;
const DIRECTORY = "/var/log";

const SPOOL_RULES = {
  // The size is looked at after each batch, which is no larger than the scratch memory.
  rotateBytes: SPOOL_BYTES - SCRATCH_BYTES,
  rotateMs: 0,
  keep: 1,
  compress: false,
  loss: "the buffer for forwarding is full: its older half is dropped",
} as const;
/** Turns in which all is read that waits in a socket. */
const READ_TURNS = 16;
/** Size of a pipe. @see pipe(7) */
const PIPE_BYTES = 65_536;

/** @see getrlimit(2) */
const RLIMIT_NOFILE = 7;
/** Priority of the daemon's own messages: `syslog.notice`. */
const OWN_PRIORITY = 5 * 8 + 5;

/** Starts the daemon. Ends this process when it was not started by the init, which gives it its memory. */
export function startLogDaemon(sys: Sys): LogDaemon {
  sys.setJournal(MEMORY, false);
  const arena = Arena.open(sys, MEMORY);
  if (typeof arena !== "number") return new LogDaemon(sys, arena);
  sys.write(2, `*** logd: cannot map its memory: ${sys.strerror(-arena)}; it is started by my_init only\n`);
  return sys.exit(1);
}

/** The log daemon: reads the sockets and pipes that the init hands over, and writes their messages, until it is told to end. */
class LogDaemon {
  readonly #sys: Sys;
  readonly loop: Loop;
  readonly #children: Children;
  readonly #arena: Arena;
  readonly #settings: LogSettings;
  readonly #stamps: Stamps;
  readonly #writer: Writer;
  readonly #formatter: Formatter;
  readonly #input: SyslogInput;
  readonly #files: LogFile[];
  readonly #forwarder: ForwarderProcess | null;
  readonly #captured: CapturedPipe[] = [];
  readonly #sockets: (readonly [number, Protocol])[] = [
    [SOCKET, Protocol.Syslog],
    [JOURNAL, Protocol.Journal],
  ];
  readonly #rotations = new Map<LogFile, Rotation>();
  readonly #environment: ReadonlyMap<Bytes, Bytes>;
  #own: string[] = [];
  #listening = false;
  /** Whether the daemon ends: `handover` when another one is started after it, `last` when none is. */
  #ending: "no" | "handover" | "last" = "no";

  constructor(sys: Sys, arena: Arena) {
    this.#sys = sys;
    this.#arena = arena;
    // Each captured service takes two descriptors. Programs are started with the limits that the container was given.
    const { hard } = sys.getrlimit(RLIMIT_NOFILE);
    sys.setrlimit(RLIMIT_NOFILE, hard, hard);
    this.loop = new Loop(
      sys,
      (signal) => this.#signal(signal),
      (error) => this.#warn(`a fault in the log daemon, which goes on: ${String(error)}`),
    );
    this.#children = new Children(sys, this.loop);
    this.#environment = parseEnvironBlock(sys.environ);
    const warn = (text: string) => this.#warn(text);
    this.#settings = this.#readSettings(DEFAULT_LOG_SETTINGS, LOG_SETTINGS_FILE);
    this.#stamps = new Stamps(arena, this.#settings.timestamp === "iso");
    this.#files = LOG_FILES.map((name, index) => new LogFile(arena, `${DIRECTORY}/${name}`, arena.pathAt(index), warn));
    const { forward } = this.#settings;
    this.#forwarder = forward === null ? null : new ForwarderProcess(this.#parts, forward);
    const spool = forward === null ? null : new LogFile(arena, SPOOL, arena.pathAt(LOG_FILES.length), warn);
    if (spool !== null) this.#rotations.set(spool, new Rotation(this.#parts, spool, SPOOL_RULES));
    const container = new ContainerLog(arena, this.loop, warn);
    this.#writer = new Writer(arena, container, this.#files, spool, (files) => this.#written(files));
    this.#formatter = new Formatter(arena, this.#writer, this.#stamps, this.#settings);
    const { rate } = this.#settings;
    const limitOf = rate === 0 ? null : (tag: Bytes) => new RateLimit(this.loop, rate, tag, warn);
    this.#input = new SyslogInput(arena, this.#writer, this.#formatter, this.#stamps, limitOf);
    new Logrotate(this.#parts, this.#settings.logrotateMs);
    this.loop.after(HEALTHY_AFTER_MS, () => sys.setJournal(MEMORY, true));
    const start = () => this.#recovered();
    if (this.#writer.recover(start)) start();
  }

  /** The previous instance's batch is written: goes on with the messages that it had read, then with new ones. */
  #recovered(): void {
    this.#capture();
    const chunk = () => {
      const service = this.#captured.find(({ entry }) => entry === this.#arena.state[Word.ChunkEntry]);
      if (this.#arena.chunkEnd === CHUNK_AT || service === undefined || service.write(this.#forgetGone))
        this.#forgetGone();
    };
    if (this.#input.write(SLOTS, chunk)) chunk();
  }

  /** Ends the last lines of services that are gone, and frees their entries. */
  readonly #forgetGone = () => {
    for (const service of this.#captured.filter(({ fd }) => fd < 0)) {
      if (!service.finish(this.#forgetGone)) return;
      freeEntry(this.#arena, service.entry);
    }
    this.#resume();
  };

  /** Prepares the sockets and services of the arguments, and the services that are gone but have left something. */
  #capture(): void {
    const pipes = new Map<Bytes, number>();
    this.#sys.args.slice(1).forEach((name, index) => {
      const protocol = name === JOURNAL_SOCKET ? Protocol.Journal : Protocol.Syslog;
      if (name.startsWith("/")) this.#sockets.push([FIRST_ARGUMENT + index, protocol]);
      else pipes.set(name, FIRST_ARGUMENT + index);
    });
    const { entries, left } = assignEntries(this.#arena, pipes);
    for (const entry of entries) this.#add(entry);
    for (const name of left)
      this.#warn(`cannot capture the output of service ${name}: there are more than ${MAX_ENTRIES}; nobody reads it`);
  }

  #add({ name, fd, entry }: Entry): void {
    const settings = this.#readSettings(
      { ...this.#settings, file: null },
      `${SERVICE_DIRECTORY}/${name}/log.conf`,
      false,
    );
    const path = settings.file ?? `${DIRECTORY}/services/${name}.log`;
    const file = path === "" ? null : this.#fileOf(path, entryAt(entry) + PATH_AT);
    if (file !== null && !this.#rotations.has(file))
      this.#rotations.set(file, new Rotation(this.#parts, file, settings));
    const parts = {
      arena: this.#arena,
      loop: this.loop,
      writer: this.#writer,
      formatter: this.#formatter,
      stamps: this.#stamps,
      warn: (text: string) => this.#warn(text),
    };
    this.#captured.push(new CapturedPipe(parts, { name, fd, entry, settings, file }));
  }

  #fileOf(path: Bytes, pathAt: number): LogFile {
    const known = [...this.#files, ...this.#rotations.keys()].find((file) => file.path === path);
    return known ?? new LogFile(this.#arena, path, pathAt, (text) => this.#warn(text));
  }

  get #parts() {
    const warn = (text: string) => this.#warn(text);
    return { sys: this.#sys, loop: this.loop, children: this.#children, environment: this.#sys.environ, warn };
  }

  #readSettings(base: LogSettings, path: Bytes, environment = true): LogSettings {
    const text = readFile(this.#sys, path, 65536);
    if (typeof text === "number" && text !== -Errno.ENOENT)
      this.#warn(`cannot read ${path}: ${this.#sys.strerror(-text)}`);
    const sources: SettingSource[] = [{ from: path, values: parseSettingLines(typeof text === "string" ? text : "") }];
    if (environment) sources.push({ from: "the environment", values: this.#environment, shared: true });
    return readLogSettings(base, sources, (message) => this.#warn(message));
  }

  /** Listens again once the writer is free, and writes the daemon's own messages. */
  readonly #resume = () => {
    this.#listen();
    this.#sayOwn();
    if (this.#ending !== "no") this.#end();
  };

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    for (const [socket, protocol] of this.#sockets) this.loop.watch(socket, () => this.#takeFrom(socket, protocol));
    for (const service of this.#captured) {
      if (service.fd >= 0) this.loop.watch(service.fd, () => this.#take((resumed) => service.take(resumed)));
    }
  }

  #takeFrom(socket: number, protocol: Protocol): "done" | "more" | "busy" {
    return this.#take((resumed) => this.#input.take(socket, protocol, resumed));
  }

  #take(take: (resumed: () => void) => "done" | "more" | "busy"): "done" | "more" | "busy" {
    if (this.#writer.busy) return "busy";
    const result = take(this.#resume);
    if (result === "busy") this.#pause();
    return result;
  }

  /** Stops reading until the writer is free. Messages wait in the kernel's queues. */
  #pause(): void {
    if (!this.#listening) return;
    this.#listening = false;
    for (const [socket] of this.#sockets) this.loop.unwatch(socket);
    for (const { fd } of this.#captured) if (fd >= 0) this.loop.unwatch(fd);
  }

  #warn(text: string): void {
    this.#own.push(text);
    if (this.#own.length === 1) this.loop.after(0, () => this.#sayOwn());
  }

  #sayOwn(): void {
    if (this.#writer.busy || this.#own.length === 0) return;
    const texts = this.#own.splice(0, 32);
    this.#stamps.refresh();
    const pid = String(this.#sys.getpid());
    for (const text of texts) {
      const message = { priority: OWN_PRIORITY, host: "", tag: "logd", pid, msgid: "", data: "", text };
      this.#formatter.message(message, [], 0, 1, 0);
    }
    if (!this.#writer.commit(Kind.Own, this.#resume)) this.#pause();
    else if (this.#own.length > 0) this.loop.after(0, () => this.#sayOwn());
  }

  #written(files: readonly LogFile[]): void {
    for (const file of files) {
      let rotation = this.#rotations.get(file);
      if (rotation === undefined) {
        rotation = new Rotation(this.#parts, file, this.#settings);
        this.#rotations.set(file, rotation);
      }
      rotation.check();
    }
  }

  #signal(signal: number): void {
    if (signal === Signal.CHLD) this.#children.reap();
    else if (signal === Signal.HUP) for (const file of [...this.#files, ...this.#rotations.keys()]) file.close();
    else if (signal === Signal.USR1) this.#endAs("handover");
    else if (signal === Signal.USR2) this.#endAs("last");
  }

  #endAs(ending: "handover" | "last"): void {
    this.#ending = ending;
    if (!this.#writer.busy) this.#end();
  }

  /** Writes what has come until now and ends. The next daemon gets neither the pipe of a removed service nor a socket without its name. */
  #end(): void {
    const done = this.#ending === "last" ? this.#drained() : this.#socketsRead() && this.#pipesDrained(PIPE_BYTES);
    if (!done || !this.#allSaid()) return;
    if (this.#ending === "last" && this.#forwarder !== null) this.#forwarder.end(() => this.#sys.exit(0));
    else this.#sys.exit(0);
  }

  /** Reads the pipes. @param maxBytes about what is read from each at most: a service that writes all the time has no end */
  #pipesDrained(maxBytes: number): boolean {
    for (const service of this.#captured) {
      if (service.fd < 0) continue;
      for (let bytes = 0; bytes <= maxBytes; bytes += service.chunkBytes) {
        const result = this.#take((resumed) => service.take(resumed));
        if (result === "busy") return false;
        if (result === "done") break;
      }
    }
    return true;
  }

  /** Reads what waits in each socket now, no more: senders that go on have no end. */
  #socketsRead(): boolean {
    return this.#sockets.every(([socket, protocol]) => {
      let result = this.#takeFrom(socket, protocol);
      for (let turn = 1; result === "more" && turn < READ_TURNS; turn++) result = this.#takeFrom(socket, protocol);
      return result !== "busy";
    });
  }

  #drained(): boolean {
    for (const [socket, protocol] of this.#sockets) {
      let result = this.#takeFrom(socket, protocol);
      while (result === "more") result = this.#takeFrom(socket, protocol);
      if (result === "busy") return false;
    }
    if (!this.#pipesDrained(Number.POSITIVE_INFINITY)) return false;
    for (const service of this.#captured) {
      if (this.#writer.busy || !service.finish(this.#resume)) return false;
    }
    return true;
  }

  /** Writes the daemon's own messages before the end. `false` while the writer is busy. */
  #allSaid(): boolean {
    this.#input.tellDropped();
    for (const { limit } of this.#captured) limit.tell();
    while (!this.#writer.busy && this.#own.length > 0) this.#sayOwn();
    return !this.#writer.busy;
  }
}

import { Signal } from "../../../lib/linux/signals.ts";
import { SPAWN_STEPS, type SpawnStep } from "../../../lib/linux/spawn-failure.ts";
import { escapeText } from "../../../lib/log/escape.ts";
import {
  type Bytes,
  Errno,
  Mode,
  Open,
  type Path,
  Poll,
  SpawnFlag,
  type Stat,
  type Strings,
  type Sys,
} from "../sys.ts";
import {
  type Connection,
  connect,
  type Description,
  describe,
  describeAlarm,
  describeFile,
  release,
  stream,
} from "./descriptors.ts";
import { FakeFiles, type Inode } from "./files.ts";
import { type Datagram, gather, putText, receive, syslogLines, textIn } from "./shared-memory.ts";

/** Signals that leave a process as it is when it does nothing about them: CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH. */
const HARMLESS = new Set([0, Signal.CHLD, Signal.CONT, 19, 20, 21, 22, 23, 28]);
const EBADF = 9;
const ENAMETOOLONG = 36;
const EPROTOTYPE = 91;
const SOCKET_PATH_MAX = 107;
/** Permissions that a new file never gets. @see umask(2) */
const MASK = 0o022;
const OWN_DESCRIPTORS = "/proc/self/fd/";

/** What {@link Sys.exit} throws: nothing after it runs. */
export class Exited extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit with ${code}`);
    this.code = code;
  }
}

/** A process of the fake: nothing runs in it, a test says what it does. */
export interface FakeProcess {
  readonly pid: number;
  readonly program: Path;
  readonly argv: readonly Bytes[];
  readonly env: readonly Bytes[];
  readonly cwd: Path;
  readonly group: number;
  readonly ids: readonly number[] | null;
  /** Every signal sent to it. */
  readonly signals: number[];
  /** What it does about a signal (never asked for KILL); by default it dies of it. */
  onSignal: ((signal: number) => void) | null;
  readonly stdio: readonly Description[];
}

/**
 * A kernel of objects for unit tests: settable clock, in-memory files, process table, signals, pipes and sockets. Time passes only
 * in {@link epollWait}. A call that would wait for ever throws.
 */
export class FakeSys implements Sys {
  args: readonly Bytes[] = ["fake"];
  environ: Bytes = "";
  machine: Bytes = "x86_64";
  resumeFd = -1;

  // ---- what a test sets and looks at ----
  /** Milliseconds of the monotonic clock; {@link startedAt} later since the Epoch. */
  clock = 1000;
  startedAt = 1_700_000_000_000;
  uid = 0;
  pid = 1;
  /** Live processes, and every one that was ever spawned in order. */
  readonly processes = new Map<number, FakeProcess>();
  readonly spawned: FakeProcess[] = [];
  /** What a program does as soon as it is started, by path; one that is not here runs until a test ends it. */
  readonly programs = new Map<Path, (process: FakeProcess) => void>();
  journal: { readonly fd: number; readonly healthy: boolean } | null = null;
  readonly files = new FakeFiles(
    () => this.time(),
    (directory) => this.#notify(directory),
  );

  #directory = this.files.root;
  #pids = 1;
  readonly #descriptors = new Map<number, Description>();
  readonly #limits = new Map<number, { soft: number; hard: number }>();
  readonly #pending = new Set<number>();
  readonly #dead: { pid: number; status: number }[] = [];
  readonly #watches = new Map<number, Inode>();
  readonly #sockets = new Map<Inode, Description>();
  /** What {@link map} has given, by anonymous file. */
  readonly #memory = new Map<Inode, ArrayBuffer>();
  #events: { at: number; run: () => void }[] = [];

  constructor() {
    for (let fd = 0; fd < 3; fd++)
      this.#descriptors.set(fd, describe({ read: () => "", write: (data) => data.length, ready: () => Poll.Out }));
  }

  /** Puts a file there, with the directories that lead to it. */
  put(path: Path, content: Bytes = "", mode = 0o644): void {
    const at = path.lastIndexOf("/");
    if (at > 0) this.makeDirectories(path.slice(0, at));
    this.files.enter(path, this.files.root, this.files.create(Mode.Regular | mode, content), true);
  }

  /** Puts an executable file there. @param run what it does once it is started */
  putProgram(path: Path, run?: (process: FakeProcess) => void): void {
    this.put(path, "\x7fELF", 0o755);
    if (run !== undefined) this.programs.set(path, run);
  }

  putLink(path: Path, target: Path): void {
    this.files.enter(path, this.files.root, this.files.link(target), true);
  }

  /** Gives a file another name. @see link(2) */
  putHardLink(path: Path, target: Path): void {
    const inode = this.files.find(target, this.files.root);
    if (typeof inode === "number") throw new Error(`the fake has no file ${target}`);
    this.files.enter(path, this.files.root, inode, true);
  }

  makeDirectories(path: Path): void {
    const names = path.split("/").slice(1);
    for (let count = 1; count <= names.length; count++) this.mkdir(`/${names.slice(0, count).join("/")}`, 0o755);
  }

  /** A descriptor of a socket that somebody else reads. */
  socketStream(reader: { ready: () => boolean; write: (data: Bytes) => number }): number {
    return this.#add(describe({ write: reader.write, ready: () => (reader.ready() ? Poll.Out : 0) }));
  }

  /** Makes a directory the root of a file system of its own. */
  mount(path: Path): void {
    this.makeDirectories(path);
    const inode = this.files.find(path, this.files.root);
    if (typeof inode !== "number") inode.dev = 2;
  }

  /** What a file holds. */
  textOf(path: Path): Bytes {
    const inode = this.files.find(path, this.files.root);
    if (typeof inode === "number") throw new Error(`the fake has no file ${path}`);
    return inode.content.text;
  }

  /** Does something when the clock has come that far; it comes there in {@link epollWait}. */
  after(delayMs: number, run: () => void): void {
    this.#events.push({ at: this.clock + delayMs, run });
    this.#events.sort((a, b) => a.at - b.at);
  }

  /** Sets the wall clock, as `date --set` does. @param atMs since the Epoch */
  setTime(atMs: number): void {
    this.startedAt = atMs - this.clock;
    for (const { alarm } of this.#descriptors.values()) if (alarm?.cancelOnSet) alarm.canceled = true;
  }

  /** Sends this process a signal. */
  raise(signal: number): void {
    this.#pending.add(signal);
  }

  /** A process that this one did not start and has adopted. */
  adopt(group = 0): FakeProcess {
    return this.#start("/orphan", ["orphan"], [], "", [], null, group);
  }

  /** Ends a process with a wait status: `code << 8`, or a signal's number. */
  end(process: FakeProcess, status: number): void {
    if (!this.processes.delete(process.pid)) throw new Error(`the fake's process ${process.pid} has ended already`);
    for (const description of process.stdio) release(description);
    this.#dead.push({ pid: process.pid, status });
    this.raise(Signal.CHLD);
  }

  /** Makes this the program's next start: closes what does not survive one, and hands over the journal. */
  nextIncarnation(): void {
    for (const [fd, { survivesRestart }] of [...this.#descriptors]) if (fd > 2 && !survivesRestart) this.close(fd);
    this.resumeFd = this.journal?.fd ?? -1;
  }

  // ---- processes ----
  spawn(
    program: Path,
    argv: Strings,
    env: Strings,
    cwd: Path,
    stdio: readonly number[],
    flags: number,
    ids: readonly number[] | null,
  ): number {
    this.#note(3, 0);
    const descriptions = stdio.map((fd) => (fd < 0 ? describe({}) : this.#descriptors.get(fd)));
    if (!descriptions.every((description) => description !== undefined)) return spawnFailure("stdio", EBADF);
    const directory = cwd === "" ? this.#directory : this.files.find(cwd, this.#directory);
    if (typeof directory === "number") return spawnFailure("directory", -directory);
    if (directory.entries === null) return spawnFailure("directory", Errno.ENOTDIR);
    if (ids !== null && this.uid !== 0) return spawnFailure("groups", Errno.EPERM);
    const inode = this.files.find(program, directory);
    if (typeof inode === "number") return inode;
    if (inode.entries !== null || (inode.mode & 0o111) === 0) return -Errno.EACCES;
    if (!["\x7fE", "#!"].includes(inode.content.read(0, 2))) return -Errno.ENOEXEC;
    for (const description of descriptions) description.references++;
    const own = (flags & (SpawnFlag.Session | SpawnFlag.Group)) !== 0;
    const process = this.#start(program, split(argv), split(env), cwd, descriptions, ids, own ? 0 : this.pid);
    this.#note(3, process.pid);
    this.programs.get(program)?.(process);
    return process.pid;
  }

  /** @param group 0 for one of its own */
  #start(
    program: Path,
    argv: readonly Bytes[],
    env: readonly Bytes[],
    cwd: Path,
    stdio: readonly Description[],
    ids: readonly number[] | null,
    group: number,
  ): FakeProcess {
    const pid = ++this.#pids;
    const process = { pid, program, argv, env, cwd, group: group || pid, ids, signals: [], onSignal: null, stdio };
    this.processes.set(pid, process);
    this.spawned.push(process);
    return process;
  }

  reap(): number {
    const dead = this.#dead.shift();
    if (dead !== undefined) {
      this.#note(1, dead.pid);
      this.#note(2, dead.status);
      return dead.pid * 0x10000 + dead.status;
    }
    return this.processes.size > 0 ? 0 : -Errno.ECHILD;
  }

  kill(pid: number, signal: number): number {
    if (pid === this.pid) {
      if (signal > 0) this.raise(signal);
      return 0;
    }
    if (pid === -1 && this.pid !== 1) return -Errno.EPERM;
    const unreaped = this.#dead.some((dead) => dead.pid === pid);
    const reached = [...this.processes.values()].filter(
      (process) => pid === -1 || process.pid === pid || process.group === -pid,
    );
    for (const process of reached) this.#deliver(process, signal);
    return reached.length > 0 || unreaped ? 0 : -Errno.ESRCH;
  }

  #deliver(process: FakeProcess, signal: number): void {
    if (signal === 0) return;
    process.signals.push(signal);
    if (process.onSignal !== null && signal !== 9) process.onSignal(signal);
    else if (!HARMLESS.has(signal)) this.end(process, signal);
  }

  execve(program: Path): number {
    const inode = this.files.find(program, this.#directory);
    if (typeof inode === "number") return inode;
    throw new Error(`the fake cannot become ${program}`);
  }

  exit(code: number): never {
    throw new Exited(code);
  }

  getpid = () => this.pid;
  getuid = () => this.uid;
  getgid = () => this.uid;
  setSubreaper = () => 0;

  setJournal(fd: number, healthy: boolean): number {
    this.journal = { fd, healthy };
    return 0;
  }

  #answers = -1;

  noteAnswers(fd: number): number {
    this.#answers = fd;
    return 0;
  }

  /** @param at the number of the 32-bit integer */
  #note(at: number, value: number): void {
    if (this.#answers < 0) return;
    const bytes = [0, 8, 16, 24].map((bit) => String.fromCharCode((value >> bit) & 0xff)).join("");
    this.pwrite(this.#answers, bytes, 4 * at);
  }

  // ---- this process's own attributes ----
  setuid(uid: number): number {
    if (this.uid !== 0 && uid !== this.uid) return -Errno.EPERM;
    this.uid = uid;
    return 0;
  }
  setgid = () => (this.uid === 0 ? 0 : -Errno.EPERM);
  setgroups = () => (this.uid === 0 ? 0 : -Errno.EPERM);
  setsid = () => -Errno.EPERM;
  nice = () => 0;
  chdir(path: Path): number {
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    if (inode.entries === null) return -Errno.ENOTDIR;
    this.#directory = inode;
    return 0;
  }
  chroot = absent("chroot");
  getrlimit(resource: number): { readonly soft: number; readonly hard: number } {
    return this.#limits.get(resource) ?? { soft: 1024, hard: 4096 };
  }
  setrlimit(resource: number, soft: number, hard: number): number {
    if (soft > hard && hard !== -1) return -Errno.EINVAL;
    this.#limits.set(resource, { soft, hard });
    return 0;
  }

  // ---- files ----
  open(path: Path, flags: number, mode: number): number {
    const own = this.#own(path);
    if (own?.connection !== undefined) {
      own.references++;
      own.connection.blocking = (flags & Open.NonBlock) === 0;
      return this.#add(own);
    }
    const known = (flags & Open.NoFollow) === 0 ? this.#find(path) : this.files.find(path, this.#directory, false);
    if (typeof known !== "number" && this.files.isLink(known)) return -Errno.ELOOP;
    if (typeof known !== "number" && (flags & Open.Create) !== 0 && (flags & Open.Exclusive) !== 0)
      return -Errno.EEXIST;
    const create = known === -Errno.ENOENT && (flags & Open.Create) !== 0;
    const inode = create ? this.files.obtain(path, this.#directory, mode & ~MASK) : known;
    if (typeof inode === "number") return inode;
    const writes = (flags & 3) !== Open.Read;
    if (inode.entries !== null && writes) return -Errno.EISDIR;
    if (writes && (flags & Open.Truncate) !== 0) inode.content.truncate(0);
    return this.#add(describeFile(this.files, inode, flags));
  }

  close(fd: number): number {
    const description = this.#descriptors.get(fd);
    if (description === undefined) return -EBADF;
    this.#descriptors.delete(fd);
    this.#watches.delete(fd);
    release(description);
    return 0;
  }

  dup2(from: number, to: number): number {
    const description = this.#descriptors.get(from);
    if (description === undefined) return -EBADF;
    if (from === to) return to;
    description.references++;
    this.close(to);
    this.#descriptors.set(to, description);
    return to;
  }

  read(fd: number, max: number): Bytes | number {
    return this.#descriptors.get(fd)?.read?.(Math.min(max, 65536)) ?? -EBADF;
  }

  write(fd: number, data: Bytes): number {
    return this.#descriptors.get(fd)?.write?.(data) ?? -EBADF;
  }

  pread(fd: number, max: number, offset: number): Bytes | number {
    const file = this.#descriptors.get(fd)?.file;
    return file?.inode.content.read(offset, Math.min(max, 65536)) ?? -EBADF;
  }

  pwrite(fd: number, data: Bytes, offset: number): number {
    const file = this.#descriptors.get(fd)?.file;
    if (file === undefined) return -EBADF;
    this.files.write(file.inode, data, offset);
    return data.length;
  }

  stat(path: Path): Stat | number {
    const inode = this.#find(path);
    return typeof inode === "number" ? inode : this.files.stat(inode);
  }

  lstat(path: Path): Stat | number {
    const inode = this.files.find(path, this.#directory, false);
    return typeof inode === "number" ? inode : this.files.stat(inode);
  }

  access(path: Path, mode: number): number {
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    return (mode & 1) !== 0 && (inode.mode & 0o111) === 0 ? -Errno.EACCES : 0;
  }

  readdir(path: Path): Bytes[] | number {
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    return inode.entries === null ? -Errno.ENOTDIR : [...inode.entries.keys()];
  }

  readlink(path: Path): Bytes | number {
    const inode = this.files.find(path, this.#directory, false);
    if (typeof inode === "number") return inode;
    return this.files.isLink(inode) ? inode.content.text : -Errno.EINVAL;
  }

  realpath(path: Path): Bytes | number {
    return this.files.realpath(path, this.#directory);
  }

  rename(from: Path, to: Path): number {
    const inode = this.files.find(from, this.#directory, false);
    if (typeof inode === "number") return inode;
    const entered = this.files.enter(to, this.#directory, inode, true);
    if (entered < 0 || this.files.find(to, this.#directory, false) !== inode) return entered;
    return from === to ? 0 : this.files.remove(from, this.#directory);
  }

  unlink(path: Path): number {
    return this.files.remove(path, this.#directory);
  }

  symlink(target: Path, path: Path): number {
    return this.files.enter(path, this.#directory, this.files.link(target), false);
  }

  mkdir(path: Path, mode: number): number {
    const inode = this.files.create(Mode.Directory | (mode & ~MASK));
    return this.files.enter(path, this.#directory, inode, false);
  }

  ftruncate(fd: number, bytes: number): number {
    const file = this.#descriptors.get(fd)?.file;
    if (file === undefined) return -EBADF;
    file.inode.content.truncate(bytes);
    return 0;
  }

  chmod(path: Path, mode: number): number {
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    inode.mode = (inode.mode & Mode.TypeMask) | mode;
    return 0;
  }

  chown(path: Path, uid: number, gid: number): number {
    const inode = this.#find(path);
    if (typeof inode === "number") return inode;
    if (uid !== -1) inode.uid = uid;
    if (gid !== -1) inode.gid = gid;
    return 0;
  }

  flock = () => 0;

  pipe(): [number, number] {
    const [near, far] = connect();
    const read = this.#add(describe({ ...stream(near, true), write: () => -EBADF }, true));
    return [read, this.#add(describe({ ...stream(far, true), read: () => -EBADF }, true))];
  }

  memfd(): number {
    return this.#add(describeFile(this.files, this.files.create(Mode.Regular | 0o777), Open.ReadWrite, true));
  }

  // ---- events ----
  epollCreate(): number {
    return this.#add(describe({ watched: new Map() }));
  }

  epollAdd(epoll: number, fd: number, events: number): number {
    const watched = this.#descriptors.get(epoll)?.watched;
    const description = this.#descriptors.get(fd);
    if (watched === undefined || description === undefined) return -EBADF;
    if (description.file !== undefined) return -Errno.EPERM;
    if (watched.get(fd)?.description === description) return -Errno.EEXIST;
    watched.set(fd, { description, events });
    return 0;
  }

  epollRemove(epoll: number, fd: number): number {
    const watched = this.#descriptors.get(epoll)?.watched;
    if (watched === undefined || !this.#descriptors.has(fd)) return -EBADF;
    return watched.delete(fd) ? 0 : -Errno.ENOENT;
  }

  epollWait(epoll: number, pairs: Int32Array, timeoutMs: number): number {
    const watched = this.#descriptors.get(epoll)?.watched;
    if (watched === undefined) return -EBADF;
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.clock + Math.ceil(timeoutMs);
    for (;;) {
      const ready: number[] = [];
      for (const [fd, { description, events }] of watched) {
        if (description.references === 0) watched.delete(fd);
        const happened = (description.ready?.() ?? 0) & (events | Poll.Error | Poll.HangUp);
        if (description.references > 0 && happened !== 0 && ready.length + 2 <= pairs.length) ready.push(fd, happened);
      }
      pairs.set(ready);
      if (ready.length > 0 || this.clock >= deadline) return ready.length / 2;
      const next = Math.min(this.#events[0]?.at ?? deadline, deadline, ...this.#alarms());
      if (next === Number.POSITIVE_INFINITY) throw new Error("the fake would wait for ever");
      this.clock = Math.max(this.clock, next);
      while (this.#events[0] !== undefined && this.#events[0].at <= this.clock) this.#events.shift()?.run();
    }
  }

  /** When timers of the wall clock come, on the other clock. */
  #alarms(): number[] {
    const times = [...this.#descriptors.values()].map(({ alarm }) => (alarm?.at ?? 0) - this.startedAt);
    return times.filter((at) => at > this.clock);
  }

  signalfd(): number {
    return this.#add(describe({ ready: () => (this.#pending.size > 0 ? Poll.In : 0) }));
  }

  readSignal(): number {
    const next = [...this.#pending].sort((a, b) => a - b)[0];
    if (next === undefined) return -Errno.EAGAIN;
    this.#pending.delete(next);
    this.#note(0, next % 256);
    return next;
  }

  watchDirectory(path: Path): number {
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    if (inode.entries === null) return -Errno.ENOTDIR;
    const fd = this.#add(describe({}));
    this.#watches.set(fd, inode);
    return fd;
  }

  #notify(directory: Inode): void {
    for (const [fd, inode] of this.#watches) if (inode === directory) this.raise(256 * (fd + 1) + 29);
  }

  // ---- unix sockets ----
  unixBind(path: Path): number {
    const connections: Connection[] = [];
    const ready = () => (connections.length > 0 ? Poll.In : 0);
    return this.#bind(path, describe({ listener: { connections }, ready }, true));
  }

  unixBindDatagram(path: Path): number {
    const datagrams: Datagram[] = [];
    const ready = () => (datagrams.length > 0 ? Poll.In : 0);
    return this.#bind(path, describe({ datagrams, ready }, true));
  }

  #bind(path: Path, description: Description): number {
    if (path.length > SOCKET_PATH_MAX) return -ENAMETOOLONG;
    const inode = this.files.create(Mode.Socket | 0o755);
    const entered = this.files.enter(path, this.#directory, inode, false);
    if (entered < 0) return entered === -Errno.EEXIST ? -Errno.EADDRINUSE : entered;
    this.#sockets.set(inode, description);
    return this.#add(description);
  }

  listen(fd: number): number {
    const description = this.#descriptors.get(fd);
    if (description?.listener === undefined) return description === undefined ? -EBADF : -Errno.ENOTSOCK;
    this.#listening.add(description);
    return 0;
  }

  readonly #listening = new Set<Description>();

  accept(fd: number): number {
    const listener = this.#descriptors.get(fd)?.listener;
    if (listener === undefined) return -EBADF;
    const connection = listener.connections.shift();
    return connection === undefined ? -Errno.EAGAIN : this.#add(describe(stream(connection, false)));
  }

  unixConnect(path: Path): number {
    const description = this.#bound(path);
    if (typeof description === "number") return description;
    if (description.datagrams !== undefined) return -EPROTOTYPE;
    if (!this.#listening.has(description)) return -Errno.ECONNREFUSED;
    const [near, far] = connect();
    description.listener?.connections.push(far);
    return this.#add(describe(stream(near, true)));
  }

  unixConnectDatagram(path: Path): number {
    const description = this.#bound(path);
    if (typeof description === "number") return description;
    const { datagrams } = description;
    if (datagrams === undefined) return -EPROTOTYPE;
    const write = (data: Bytes) => {
      if (description.references === 0) return -Errno.ECONNREFUSED;
      if (description.shut) return -Errno.EPIPE;
      datagrams.push({ data, pid: this.pid });
      return data.length;
    };
    return this.#add(describe({ write }));
  }

  /** The live socket with this name. */
  #bound(path: Path): Description | number {
    if (path.length > SOCKET_PATH_MAX) return -ENAMETOOLONG;
    const inode = this.files.find(path, this.#directory);
    if (typeof inode === "number") return inode;
    const description = this.#sockets.get(inode);
    return description === undefined || description.references === 0 ? -Errno.ECONNREFUSED : description;
  }

  peerUid(fd: number): number {
    const description = this.#descriptors.get(fd);
    if (description === undefined) return -EBADF;
    return description.connection === undefined ? -Errno.ENOTSOCK : this.uid;
  }

  /** Who is at the other end: 0 is a process of another PID namespace. */
  peer = 1;
  peerPid(fd: number): number {
    const uid = this.peerUid(fd);
    return uid < 0 ? uid : this.peer;
  }

  shutdown(fd: number): number {
    const description = this.#descriptors.get(fd);
    if (description?.datagrams === undefined) return description === undefined ? -EBADF : -Errno.ENOTSOCK;
    description.shut = true;
    return 0;
  }

  passCredentials = () => 0;
  /** A test says what is there. */
  connectTo: Sys["connectTo"] = absent("connectTo");
  pipeSize = absent("pipeSize");

  // ---- bytes in memory ----
  map(fd: number, bytes: number): ArrayBuffer | number {
    const file = this.#descriptors.get(fd)?.file;
    if (file === undefined) return -EBADF;
    const known = this.#memory.get(file.inode);
    const buffer = known ?? new ArrayBuffer(bytes);
    this.#memory.set(file.inode, buffer);
    return buffer;
  }

  /**
   * Takes what has been mapped away from a process that is dead; the next {@link map} gives it as it was.
   * @param moved makes another buffer of the bytes of one, which nobody can use from then on
   */
  endMappings(moved: (buffer: ArrayBuffer) => ArrayBuffer): void {
    for (const [inode, buffer] of this.#memory) this.#memory.set(inode, moved(buffer));
  }

  recvmmsg(fd: number, buffer: Uint8Array, slots: number, slotBytes: number, restBytes: number, first: number): number {
    const description = this.#descriptors.get(fd);
    if (description?.datagrams === undefined) return description === undefined ? -EBADF : -Errno.ENOTSOCK;
    return receive(description.datagrams, buffer, slots, slotBytes, restBytes, first);
  }

  writev(fd: number, buffer: Uint8Array, from: number, end: number): number {
    return this.write(fd, gather(buffer, from, end));
  }

  splice(pipe: number, file: number, buffer: Uint8Array, offsetAt: number, max: number): number {
    const connection = this.#descriptors.get(pipe)?.connection;
    const memory = this.#memory.get(this.#descriptors.get(file)?.file?.inode ?? this.files.root);
    if (connection === undefined || memory === undefined) return -EBADF;
    if (connection.inbox === "") return connection.peer.open ? -Errno.EAGAIN : 0;
    const text = connection.inbox.slice(0, max);
    connection.inbox = connection.inbox.slice(max);
    const offset = new DataView(buffer.buffer, buffer.byteOffset + offsetAt, 8);
    putText(new Uint8Array(memory), Number(offset.getBigInt64(0, true)), text);
    offset.setBigInt64(0, offset.getBigInt64(0, true) + BigInt(text.length), true);
    return text.length;
  }

  syslogLines(buffer: Uint8Array, slots: number, slotBytes: number, count: number, found: Int32Array): number {
    syslogLines(buffer, slots, slotBytes, count, found);
    return 0;
  }

  find(buffer: Uint8Array, from: number, end: number, byte: number): number {
    const at = buffer.subarray(from, end).indexOf(byte);
    return at < 0 ? -1 : from + at;
  }

  peek(buffer: Uint8Array, from: number, end: number): Bytes {
    return textIn(buffer, from, end);
  }

  poke(buffer: Uint8Array, at: number, text: Bytes): number {
    if (at + text.length > buffer.length) return -Errno.EINVAL;
    putText(buffer, at, text);
    return text.length;
  }

  escape = escapeText;

  size(fd: number): number {
    return this.#descriptors.get(fd)?.file?.inode.content.size ?? -EBADF;
  }

  // ---- clocks ----
  now(): number {
    return this.clock;
  }
  time(): number {
    return this.startedAt + this.clock;
  }

  timerfd(): number {
    const alarm = { at: Number.POSITIVE_INFINITY, cancelOnSet: false, canceled: false };
    return this.#add(describe(describeAlarm(alarm, () => this.time())));
  }

  timerfdSet(fd: number, at: number, cancelOnSet: boolean): number {
    const alarm = this.#descriptors.get(fd)?.alarm;
    if (alarm === undefined) return -EBADF;
    const canceled = alarm.canceled && cancelOnSet;
    Object.assign(alarm, { at, cancelOnSet, canceled: false });
    return canceled ? -Errno.ECANCELED : 0;
  }

  hostname = () => "fake";
  strerror = (errno: number) => (errno === Errno.ENOENT ? "No such file or directory" : `error ${errno}`);

  /** What the name of a descriptor in proc(5) stands for. */
  #own(path: Path): Description | undefined {
    return path.startsWith(OWN_DESCRIPTORS)
      ? this.#descriptors.get(Number(path.slice(OWN_DESCRIPTORS.length)))
      : undefined;
  }

  #find(path: Path): Inode | number {
    return this.#own(path)?.file?.inode ?? this.files.find(path, this.#directory);
  }

  #add(description: Description): number {
    let fd = 0;
    while (this.#descriptors.has(fd)) fd++;
    this.#descriptors.set(fd, description);
    return fd;
  }
}

function spawnFailure(step: SpawnStep, errno: number): number {
  return -(4096 * SPAWN_STEPS.indexOf(step) + errno);
}

/** A call that no unit test has needed yet. */
function absent(name: keyof Sys): (...args: unknown[]) => never {
  return () => {
    throw new Error(`the fake has no ${name}`);
  };
}

function split(strings: Strings): Bytes[] {
  return strings === "" ? [] : strings.split("\0");
}

/**
 * The one seam between the runtime and Linux. Every method is one system call (or one libc wrapper of it) with no
 * policy. `runtime/native/sys.c` implements it, checked against the list that the build makes from this interface;
 * `runtime/src/fake` is the stand-in of the unit tests; both pass its suite of behaviours.
 *
 * **Results.** A number `>= 0` is the call's result, a negative one is `-errno` ({@link Errno}); calls that answer with text
 * or a record return that or `-errno`. Nothing throws except for arguments of the wrong type, which is a bug.
 *
 * **Text is bytes.** File names, arguments and environment values are bytes to Linux. A {@link Bytes} string holds one byte
 * per character (U+0000 to U+00FF), so any byte sequence survives a round trip.
 */
export type Bytes = string;

/** A file's name. With a NUL in it the answer is `-EINVAL`: the kernel would take what stands before it, another file. */
export type Path = Bytes;

/** Any number of strings, joined by NUL; `""` is none. */
export type Strings = Bytes;

/** What `stat(2)` and `lstat(2)` tell. `mode` holds type and permission bits; `mtimeMs` is since the Epoch. */
export interface Stat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  /** Hard links: how many names the file has. */
  readonly links: number;
  /** Number of the file system; a mount point has that of what is mounted on it. */
  readonly dev: number;
}

export interface Sys {
  /** The program's arguments, `argv[0]` (the applet's name) included. */
  readonly args: readonly Bytes[];
  /** The environment the program was started with: `NAME=value` entries joined by NUL, without the resume variable. */
  readonly environ: Bytes;
  /** The architecture this binary was built for, as `uname -m` says it: `x86_64` or `aarch64`. */
  readonly machine: Bytes;
  /** Descriptor of the state handed over by the incarnation that crashed, or -1 at a first start. */
  readonly resumeFd: number;

  // ---- processes ----
  /**
   * Starts a program: `clone(CLONE_VM|CLONE_VFORK)`, then in the child, in this order: session or process group, stdio,
   * foreground group, `chdir`, groups and ids, original `RLIMIT_NOFILE`, default signal dispositions, every other
   * descriptor closed, empty signal mask, `execve`.
   * @param program path handed to `execve`, resolved after `cwd`; no PATH search
   * @param argv arguments, `argv[0]` first
   * @param env `NAME=value` entries
   * @param cwd working directory; `""` leaves it as it is
   * @param stdio descriptors that become 0, 1, 2 and so on, three at least (each may be any open one; -1 is /dev/null)
   * @param flags {@link SpawnFlag} bits
   * @param ids `null` leaves them; else `[uid, gid, ...supplementary groups]`
   * @returns the pid, or `-(4096 * step + errno)` of the first step that failed in parent or child; step 0 is `execve`, the others
   * are those of `lib/linux/spawn-failure.ts`
   * @see clone(2), execve(2), close_range(2)
   */
  spawn(
    program: Path,
    argv: Strings,
    env: Strings,
    cwd: Path,
    stdio: readonly number[],
    flags: number,
    ids: readonly number[] | null,
  ): number;
  /** Reaps one dead child: `pid * 65536 + wait status`, 0 when children live but none is dead, `-ECHILD` without children. @see waitpid(2) */
  reap(): number;
  /** Sends a signal; `pid < -1` is a process group. `-1` (everyone) answers `-EPERM` unless this process is PID 1. @see kill(2) */
  kill(pid: number, signal: number): number;
  /** Replaces this process, with the signal mask it was started with. Returns only to tell `-errno`. @see execve(2) */
  execve(program: Path, argv: Strings, env: Strings): number;
  /** Ends this process. @see _exit(2) */
  exit(code: number): never;
  getpid(): number;
  getuid(): number;
  getgid(): number;
  /** Makes this process adopt the orphans among its descendants. @see PR_SET_CHILD_SUBREAPER(2const) */
  setSubreaper(): number;
  /**
   * Tells the crash handler which descriptor holds the state to hand over, and that this incarnation is healthy when
   * `healthy` (the count of crashes starts again at 0).
   */
  setJournal(fd: number, healthy: boolean): number;
  /**
   * Notes, from now on, the answers that the kernel gives once in the first 16 bytes of an anonymous file, which must have them, before
   * any of this program's own code runs: the last signal that {@link readSignal} read, pid and wait status of the child that
   * {@link reap} reaped last, and the pid of the last child that {@link spawn} made (0 once it has failed), as 32-bit integers.
   * @see CLONE_PARENT_SETTID in clone(2)
   */
  noteAnswers(fd: number): number;

  // ---- this process's own attributes (chpst, setuser) ----
  setuid(uid: number): number;
  setgid(gid: number): number;
  setgroups(gids: readonly number[]): number;
  /** @see setsid(2) */
  setsid(): number;
  /** Adds to the nice value; 0 on success. @see nice(2) */
  nice(increment: number): number;
  chdir(path: Path): number;
  chroot(path: Path): number;
  /** Limits of this process; -1 is unlimited. @see getrlimit(2) */
  getrlimit(resource: number): { readonly soft: number; readonly hard: number };
  /** -1 is unlimited. @see setrlimit(2) */
  setrlimit(resource: number, soft: number, hard: number): number;

  // ---- files ----
  /** `O_CLOEXEC` is always added. @param flags {@link Open} bits @see open(2) */
  open(path: Path, flags: number, mode: number): number;
  close(fd: number): number;
  dup2(from: number, to: number): number;
  /** At most `max` bytes, and never more than 65536; `""` at end of file. @see read(2) */
  read(fd: number, max: number): Bytes | number;
  write(fd: number, data: Bytes): number;
  pread(fd: number, max: number, offset: number): Bytes | number;
  pwrite(fd: number, data: Bytes, offset: number): number;
  stat(path: Path): Stat | number;
  lstat(path: Path): Stat | number;
  /**
   * 0 when the effective user may, the real user where `faccessat2(2)` is refused by EPERM, as old seccomp profiles do.
   * @param mode 4 read, 2 write, 1 execute, 0 exists @see faccessat(2) AT_EACCESS
   */
  access(path: Path, mode: number): number;
  /** Names in no particular order, without `.` and `..`. @see readdir(3) */
  readdir(path: Path): Bytes[] | number;
  readlink(path: Path): Bytes | number;
  /** @see realpath(3) */
  realpath(path: Path): Bytes | number;
  rename(from: Path, to: Path): number;
  unlink(path: Path): number;
  symlink(target: Path, path: Path): number;
  mkdir(path: Path, mode: number): number;
  ftruncate(fd: number, bytes: number): number;
  chmod(path: Path, mode: number): number;
  chown(path: Path, uid: number, gid: number): number;
  /** @param operation {@link Lock} bits @see flock(2) */
  flock(fd: number, operation: number): number;
  /** A pipe that survives a restart in place: `[read end, write end]`. Children get only what stdio names. @see pipe2(2) */
  pipe(): [number, number] | number;
  /** Makes room in a pipe for `bytes`. @see F_SETPIPE_SZ in fcntl(2) */
  pipeSize(fd: number, bytes: number): number;
  /** Anonymous memory as a file; survives a restart in place. @see memfd_create(2) */
  memfd(name: Path): number;

  // ---- events ----
  /** @see epoll_create1(2) */
  epollCreate(): number;
  /** Level-triggered. @param events {@link Poll} bits */
  epollAdd(epoll: number, fd: number, events: number): number;
  epollRemove(epoll: number, fd: number): number;
  /** Fills `[fd, events]` pairs and returns how many; 0 after the timeout or an interruption. @param timeoutMs -1 waits for ever */
  epollWait(epoll: number, pairs: Int32Array, timeoutMs: number): number;
  /** A descriptor that reads every signal that can be blocked (they are blocked since the first line of main). @see signalfd(2) */
  signalfd(): number;
  /**
   * The next pending signal's number, or `-EAGAIN`. For a change in a watched directory `256 * (descriptor + 1)` is added;
   * SIGIO alone tells that such changes were lost.
   */
  readSignal(fd: number): number;
  /**
   * A descriptor that makes changes among a directory's entries known as signals; closing it ends that.
   * @see F_NOTIFY in fcntl(2)
   */
  watchDirectory(path: Path): number;

  // ---- unix sockets ----
  /** A non-blocking stream socket, bound and not yet listening; survives a restart in place. @see unix(7) */
  unixBind(path: Path): number;
  /** A non-blocking datagram socket that survives a restart in place, bound. */
  unixBindDatagram(path: Path): number;
  /** From now on each message that this socket receives comes with its sender's pid, uid and gid. @see SO_PASSCRED in unix(7) */
  passCredentials(fd: number): number;
  listen(fd: number, backlog: number): number;
  /** The accepted connection, non-blocking, or `-EAGAIN`. */
  accept(fd: number): number;
  /** A connected blocking stream socket. */
  unixConnect(path: Path): number;
  /** A connected datagram socket; waits for nobody. `-ECONNREFUSED` where nobody has the socket any more. */
  unixConnectDatagram(path: Path): number;
  /**
   * A connected blocking socket, TCP or `datagram` (UDP), that gives a peer 10 seconds for each step; `-ENOENT` for a name that nobody
   * knows. Names are looked up in /etc/hosts and by DNS. @see getaddrinfo(3)
   */
  connectTo(host: Bytes, port: number, datagram: boolean): number;
  /** User id of the process at the other end. @see SO_PEERCRED in unix(7) */
  peerUid(fd: number): number;
  /** Pid of the process at the other end, 0 for one of another PID namespace, which this process cannot see. */
  peerPid(fd: number): number;
  /** Ends receiving (`how` is 0): what waits can still be received, senders get `EPIPE`. @see shutdown(2) */
  shutdown(fd: number, how: number): number;

  // ---- bytes in shared memory ----
  /** Maps the first `bytes` bytes of an anonymous file, which grows when it is smaller. @see mmap(2) MAP_SHARED */
  map(fd: number, bytes: number): ArrayBuffer | number;
  /**
   * Receives as many datagrams as are there, `slots` at most, without waiting. `buffer` must be the whole of a mapping and holds, one
   * after the other: `slots` headers of 64 bytes (`struct mmsghdr`: length at byte 56, 0 when nothing was received), `slots` areas
   * of 64 bytes (sender's pid at byte 48), `slots` slots of `slotBytes`, `slots` rooms of `restBytes` for what a slot cannot hold.
   * A length larger than both is that of a message whose end is lost.
   * @param first the slot to begin with; those before it stay as they are
   * @returns how many, or `-errno` @see recvmmsg(2)
   */
  recvmmsg(fd: number, buffer: Uint8Array, slots: number, slotBytes: number, restBytes: number, first: number): number;
  /**
   * Writes spans of `buffer` one after the other, 1024 at most.
   * @param from where the list of spans starts in `buffer`, counted in 32-bit words: pairs of offset and length in bytes
   * @param end where it ends
   * @returns how many bytes were written, or `-errno` @see writev(2)
   */
  writev(fd: number, buffer: Uint8Array, from: number, end: number): number;
  /**
   * Moves what a pipe holds into a file without waiting. The offset in the file is the 64-bit integer at byte `offsetAt` of `buffer`,
   * and the kernel adds to it.
   * @returns how many bytes, 0 at the end of the pipe, or `-errno` @see splice(2)
   */
  splice(pipe: number, file: number, buffer: Uint8Array, offsetAt: number, max: number): number;
  /**
   * Looks at the first `count` messages that {@link recvmmsg} received for the form that `syslog(3)` sends, in a slot alone and without
   * control characters: `<PRI>Mmm dd hh:mm:ss TAG…` with a priority and a stamp that can be. `found` gets three numbers for each: PRI, where TAG starts and where the line
   * ends, a newline included that is put there; PRI is -1 for every other form.
   */
  syslogLines(buffer: Uint8Array, slots: number, slotBytes: number, count: number, found: Int32Array): number;
  /** Where in `buffer[from, end)` the first such byte is, or -1. @see memchr(3) */
  find(buffer: Uint8Array, from: number, end: number, byte: number): number;
  /** The bytes of `buffer[from, end)`. */
  peek(buffer: Uint8Array, from: number, end: number): Bytes;
  /** Copies `text` into `buffer`; its length, or `-EINVAL` when it does not fit. */
  poke(buffer: Uint8Array, at: number, text: Bytes): number;
  /**
   * Escapes a text of at most 10,922 bytes for a line of a log, or (`json`) for a string of JSON, where each byte that is not UTF-8
   * becomes U+FFFD.
   * @see lib/log/escape.ts, which defines the result
   */
  escape(text: Bytes, json: boolean): Bytes;
  /** Size of an open file, in bytes. @see lseek(2) */
  size(fd: number): number;

  // ---- clocks ----
  /** Milliseconds of CLOCK_MONOTONIC, with a fraction. */
  now(): number;
  /** Milliseconds since the Epoch. */
  time(): number;

  /** A descriptor that can be read once a time of CLOCK_REALTIME has come. @see timerfd_create(2) */
  timerfd(): number;
  /**
   * Sets a {@link timerfd}. Reading it then answers 8 bytes once the time has come, `-ECANCELED` when somebody set the clock.
   * @param at milliseconds since the Epoch, more than 0
   * @param cancelOnSet whether a change of the clock counts too @see TFD_TIMER_CANCEL_ON_SET in timerfd_create(2)
   * @returns `-ECANCELED` when the clock was set since the last call and no read has told so; the timer is set all the same
   */
  timerfdSet(fd: number, at: number, cancelOnSet: boolean): number;
  /** @see gethostname(2) */
  hostname(): Bytes | number;

  /** The C library's words for an error number. @see strerror(3) */
  strerror(errno: number): Bytes;
}

/** Bits of {@link Sys.spawn}'s `flags`. */
export enum SpawnFlag {
  None = 0,
  /** A session of its own. */
  Session = 1,
  /** A process group of its own. */
  Group = 2,
  /** The foreground process group of the controlling terminal, when there is one. */
  Foreground = 4,
  /** All signals stay blocked: one that is sent before the program can take it waits. For programs that say what they block. */
  Blocked = 8,
}

/** Bits of {@link Sys.open}'s `flags`: those with one value on every architecture, and {@link Open.NoFollow}, which C translates. */
export enum Open {
  Read = 0,
  Write = 1,
  ReadWrite = 2,
  Create = 0o100,
  Exclusive = 0o200,
  Truncate = 0o1000,
  Append = 0o2000,
  NonBlock = 0o4000,
  /** `-ELOOP` when the last part of the path is a symbolic link. */
  NoFollow = 1 << 30,
}

/** Bits of {@link Sys.flock}'s `operation`. */
export enum Lock {
  Exclusive = 2,
  NoWait = 4,
}

/** Bits of `st_mode`. @see inode(7) */
export enum Mode {
  TypeMask = 0o170000,
  Fifo = 0o010000,
  Character = 0o020000,
  Directory = 0o040000,
  Regular = 0o100000,
  Link = 0o120000,
  Socket = 0o140000,
}

/** Bits of epoll events. @see epoll_ctl(2) */
export enum Poll {
  In = 1,
  Out = 4,
  Error = 8,
  HangUp = 16,
}

/** Error numbers that decide something. The values are those of every Linux architecture we build for. @see errno(3) */
export enum Errno {
  EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EINTR = 4,
  ENXIO = 6,
  ENOEXEC = 8,
  ECHILD = 10,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EEXIST = 17,
  ENOTDIR = 20,
  EISDIR = 21,
  EINVAL = 22,
  ENFILE = 23,
  EMFILE = 24,
  ENOSPC = 28,
  EPIPE = 32,
  ENOSYS = 38,
  ELOOP = 40,
  ENOTSOCK = 88,
  EMSGSIZE = 90,
  EADDRINUSE = 98,
  ECONNREFUSED = 111,
  ECANCELED = 125,
}

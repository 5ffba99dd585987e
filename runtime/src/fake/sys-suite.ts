import { Signal } from "../../../lib/linux/signals.ts";
import { parseSpawnFailure } from "../../../lib/linux/spawn-failure.ts";
import { escapeText } from "../../../lib/log/escape.ts";
import { type Bytes, Errno, Mode, Open, type Path, Poll, SpawnFlag, type Stat, type Sys } from "../sys.ts";

/** What holds for every {@link Sys}: the kernel's and the fake. It runs under Node.js and inside the binary. */
export interface Behaviour {
  readonly name: string;
  /**
   * @param dir an empty directory of its own
   * @throws when the behaviour is another
   */
  readonly run: (sys: Sys, dir: Path) => void;
}

/** Programs that {@link behaviours} start: they exit with 0, exit with 1, and sleep. */
export const TRUE = "/bin/true";
export const FALSE = "/bin/false";
export const SLEEP = "/bin/sleep";

const EBADF = 9;
const ENAMETOOLONG = 36;
const EPROTOTYPE = 91;
const RLIMIT_NOFILE = 7;
const QUIET = [-1, -1, -1];
const EVERY_BYTE = String.fromCharCode(...Array.from({ length: 256 }, (_, index) => index));

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`it does not hold that ${what}`);
}

/** A call's result that must not be an error. */
function ok(result: number): number {
  holds(result >= 0, `${result} is no error`);
  return result;
}

function write(sys: Sys, path: Path, content: Bytes): void {
  const fd = ok(sys.open(path, Open.Write | Open.Create | Open.Truncate, 0o644));
  same(sys.write(fd, content), content.length);
  ok(sys.close(fd));
}

function read(sys: Sys, path: Path): Bytes | number {
  const fd = sys.open(path, Open.Read, 0);
  if (fd < 0) return fd;
  const content = sys.read(fd, 65536);
  ok(sys.close(fd));
  return content;
}

/** Anonymous memory, mapped. */
function mapping(sys: Sys): { fd: number; bytes: Uint8Array } {
  const fd = ok(sys.memfd("test"));
  const buffer = sys.map(fd, 16_384);
  if (typeof buffer === "number") throw new Error(`map answered ${buffer}`);
  return { fd, bytes: new Uint8Array(buffer) };
}

function stat(sys: Sys, path: Path): Stat {
  const result = sys.stat(path);
  if (typeof result === "number") throw new Error(`stat of ${path} answered ${result}`);
  return result;
}

function pair(sys: Sys): [number, number] {
  const ends = sys.pipe();
  if (typeof ends === "number") throw new Error(`pipe answered ${ends}`);
  return ends;
}

/** The events of one descriptor after at most this time, 0 for none. */
function poll(sys: Sys, fd: number, events: number, timeoutMs: number): number {
  const epoll = ok(sys.epollCreate());
  ok(sys.epollAdd(epoll, fd, events));
  const pairs = new Int32Array(2);
  const count = ok(sys.epollWait(epoll, pairs, timeoutMs));
  ok(sys.close(epoll));
  return count === 0 ? 0 : (pairs[1] ?? 0);
}

/** Waits for the end of a child; its wait status. */
function ended(sys: Sys, pid: number): number {
  const signals = ok(sys.signalfd());
  for (;;) {
    const result = sys.reap();
    if (Math.floor(result / 0x10000) === pid) {
      while (sys.readSignal(signals) > 0);
      ok(sys.close(signals));
      return result % 0x10000;
    }
    holds(result === 0, `reap answers 0 and not ${result} while a child lives`);
    holds(poll(sys, signals, Poll.In, 5000) !== 0, "a child's end is a signal");
    sys.readSignal(signals);
  }
}

function spawn(sys: Sys, program: Path, ...argv: Bytes[]): number {
  return sys.spawn(program, [program, ...argv].join("\0"), "", "", QUIET, SpawnFlag.Group, null);
}

const files: readonly Behaviour[] = [
  {
    name: "a file holds every byte as it was written",
    run(sys, dir) {
      write(sys, `${dir}/f`, EVERY_BYTE);
      same(read(sys, `${dir}/f`), EVERY_BYTE);
    },
  },
  {
    name: "a name may hold every byte but NUL and the slash",
    run(sys, dir) {
      const name = EVERY_BYTE.replace("\0", "").replace("/", "").slice(0, 200);
      for (const part of [name, name.slice(100) + String.fromCharCode(0xff)]) {
        write(sys, `${dir}/${part}`, part);
        same(read(sys, `${dir}/${part}`), part);
      }
      same((sys.readdir(dir) as Bytes[]).length, 2);
      holds((sys.readdir(dir) as Bytes[]).includes(name), "readdir gives the name byte by byte");
    },
  },
  {
    name: "a path with a NUL in it is refused",
    run(sys, dir) {
      write(sys, `${dir}/f`, "x");
      same(sys.open(`${dir}/f\0g`, Open.Read, 0), -Errno.EINVAL);
      same(sys.unlink(`${dir}/f\0`), -Errno.EINVAL);
    },
  },
  {
    name: "open tells what is wrong with a path",
    run(sys, dir) {
      write(sys, `${dir}/f`, "x");
      same(sys.open(`${dir}/none`, Open.Read, 0), -Errno.ENOENT);
      same(sys.open(`${dir}/none/f`, Open.Write | Open.Create, 0o644), -Errno.ENOENT);
      same(sys.open(`${dir}/f/g`, Open.Read, 0), -Errno.ENOTDIR);
      same(sys.open(dir, Open.Write, 0), -Errno.EISDIR);
      same(sys.open("", Open.Read, 0), -Errno.ENOENT);
      same(sys.open(`${dir}/f`, Open.Write | Open.Create | Open.Exclusive, 0o644), -Errno.EEXIST);
    },
  },
  {
    name: "open truncates and appends when told, and else leaves what is there",
    run(sys, dir) {
      write(sys, `${dir}/f`, "12345");
      const plain = ok(sys.open(`${dir}/f`, Open.Write, 0));
      same(sys.write(plain, "ab"), 2);
      const append = ok(sys.open(`${dir}/f`, Open.Write | Open.Append, 0));
      same(sys.write(append, "6"), 1);
      same(read(sys, `${dir}/f`), "ab3456");
      write(sys, `${dir}/f`, "");
      same(read(sys, `${dir}/f`), "");
      for (const fd of [plain, append]) ok(sys.close(fd));
    },
  },
  {
    name: "a descriptor allows what it was opened for",
    run(sys, dir) {
      write(sys, `${dir}/f`, "x");
      const reading = ok(sys.open(`${dir}/f`, Open.Read, 0));
      const writing = ok(sys.open(`${dir}/f`, Open.Write, 0));
      same(sys.write(reading, "y"), -EBADF);
      same(sys.read(writing, 1), -EBADF);
      for (const fd of [reading, writing]) same([sys.close(fd), sys.close(fd)], [0, -EBADF]);
    },
  },
  {
    name: "a file keeps the permissions of chmod() when it is written again",
    run(sys, dir) {
      write(sys, `${dir}/f`, "x");
      ok(sys.chmod(`${dir}/f`, 0o755));
      write(sys, `${dir}/f`, "y");
      same(stat(sys, `${dir}/f`).mode, Mode.Regular | 0o755);
    },
  },
  {
    name: "stat tells owner, size, time and identity",
    run(sys, dir) {
      write(sys, `${dir}/f`, "12345");
      write(sys, `${dir}/g`, "");
      const { size, uid, gid, ino, mtimeMs, links, dev } = stat(sys, `${dir}/f`);
      same(dev, stat(sys, dir).dev);
      same([size, uid, gid, links], [5, sys.getuid(), sys.getgid(), 1]);
      holds(Math.abs(mtimeMs - sys.time()) < 60_000, "the time is about now");
      holds(ino !== stat(sys, `${dir}/g`).ino, "two files have two numbers");
      same(sys.stat(`${dir}/none`), -Errno.ENOENT);
      same(sys.lstat(`${dir}/none`), -Errno.ENOENT);
    },
  },
  {
    name: "pread and pwrite leave the offset, and a gap reads as NUL",
    run(sys, dir) {
      const fd = ok(sys.open(`${dir}/f`, Open.ReadWrite | Open.Create, 0o600));
      same(sys.pwrite(fd, "end", 5), 3);
      same(sys.pread(fd, 3, 5), "end");
      same(sys.read(fd, 100), "\0\0\0\0\0end");
      same(sys.read(fd, 100), "");
      same(sys.pread(fd, 10, 100), "");
      same(sys.size(fd), 8);
      same(sys.ftruncate(fd, 2), 0);
      same(sys.pread(fd, 10, 0), "\0\0");
      ok(sys.close(fd));
    },
  },
  {
    name: "anonymous memory is a file that nobody else finds",
    run(sys) {
      const fd = ok(sys.memfd("m"));
      same(sys.pwrite(fd, "state", 0), 5);
      same(sys.pread(fd, 100, 0), "state");
      ok(sys.close(fd));
    },
  },
  {
    name: "dup2 shares the offset, and closes what was there",
    run(sys, dir) {
      write(sys, `${dir}/f`, "12345");
      const fd = ok(sys.open(`${dir}/f`, Open.Read, 0));
      const [out, other] = pair(sys);
      same(sys.dup2(fd, other), other);
      same(sys.read(fd, 2), "12");
      same(sys.read(other, 2), "34");
      same(sys.read(out, 1), "");
      same(sys.dup2(999, other), -EBADF);
      for (const one of [fd, out, other]) ok(sys.close(one));
    },
  },
  {
    name: "rename replaces a file in one step",
    run(sys, dir) {
      write(sys, `${dir}/old`, "old");
      write(sys, `${dir}/new`, "new");
      same(sys.rename(`${dir}/new`, `${dir}/old`), 0);
      same(read(sys, `${dir}/old`), "new");
      same(read(sys, `${dir}/new`), -Errno.ENOENT);
      same(sys.rename(`${dir}/none`, `${dir}/x`), -Errno.ENOENT);
      ok(sys.mkdir(`${dir}/d`, 0o755));
      same(sys.rename(`${dir}/old`, `${dir}/d`), -Errno.EISDIR);
    },
  },
  {
    name: "open follows a link, unless told not to",
    run(sys, dir) {
      write(sys, `${dir}/f`, "linked");
      same(sys.symlink("f", `${dir}/link`), 0);
      same(read(sys, `${dir}/link`), "linked");
      for (const flags of [Open.Read, Open.Write | Open.Append, Open.Write | Open.Create])
        same(sys.open(`${dir}/link`, flags | Open.NoFollow, 0o600), -Errno.ELOOP);
      same(sys.open(`${dir}/link`, Open.Write | Open.Create | Open.Exclusive, 0o600), -Errno.EEXIST);
      ok(sys.close(ok(sys.open(`${dir}/f`, Open.Read | Open.NoFollow, 0))));
    },
  },
  {
    name: "unlink takes a name away and leaves the open file",
    run(sys, dir) {
      write(sys, `${dir}/f`, "kept");
      const fd = ok(sys.open(`${dir}/f`, Open.Read, 0));
      same([sys.unlink(`${dir}/f`), sys.unlink(`${dir}/f`)], [0, -Errno.ENOENT]);
      same(sys.read(fd, 100), "kept");
      ok(sys.close(fd));
      ok(sys.mkdir(`${dir}/d`, 0o755));
      same(sys.unlink(`${dir}/d`), -Errno.EISDIR);
    },
  },
  {
    name: "readdir gives every name but the dots",
    run(sys, dir) {
      for (const name of ["a", ".b"]) write(sys, `${dir}/${name}`, "");
      ok(sys.mkdir(`${dir}/c`, 0o755));
      same(sys.mkdir(`${dir}/c`, 0o755), -Errno.EEXIST);
      same((sys.readdir(dir) as Bytes[]).sort(), [".b", "a", "c"]);
      same(sys.readdir(`${dir}/none`), -Errno.ENOENT);
      same(sys.readdir(`${dir}/a`), -Errno.ENOTDIR);
    },
  },
  {
    name: "access asks whether somebody may execute it",
    run(sys, dir) {
      write(sys, `${dir}/f`, "");
      same(
        [sys.access(`${dir}/f`, 0), sys.access(`${dir}/f`, 1), sys.access(`${dir}/none`, 0)],
        [0, -Errno.EACCES, -Errno.ENOENT],
      );
      ok(sys.chmod(`${dir}/f`, 0o755));
      same(sys.access(`${dir}/f`, 1), 0);
    },
  },
  {
    name: "relative paths and dots start where chdir led",
    run(sys, dir) {
      ok(sys.mkdir(`${dir}/d`, 0o755));
      write(sys, `${dir}/d/f`, "here");
      same(sys.chdir(`${dir}/d`), 0);
      same([read(sys, "f"), read(sys, "../d/./f")], ["here", "here"]);
      same(sys.realpath("../d/f"), `${dir}/d/f`);
      same(sys.chdir(`${dir}/d/f`), -Errno.ENOTDIR);
      same(sys.chdir(`${dir}/none`), -Errno.ENOENT);
      same(sys.chdir("/"), 0);
      same(sys.realpath(`${dir}/none`), -Errno.ENOENT);
      same(sys.readlink(`${dir}/d`), -Errno.EINVAL);
      same([sys.symlink("none", `${dir}/l`), sys.readlink(`${dir}/l`)], [0, "none"]);
      same(sys.symlink("none", `${dir}/l`), -Errno.EEXIST);
    },
  },
];

const events: readonly Behaviour[] = [
  {
    name: "a pipe ends when its last writer is gone, and refuses when its last reader is",
    run(sys) {
      const [read, write] = pair(sys);
      same(sys.write(write, EVERY_BYTE), 256);
      same([sys.read(read, 100), sys.read(read, 1000)], [EVERY_BYTE.slice(0, 100), EVERY_BYTE.slice(100)]);
      ok(sys.close(write));
      same([sys.read(read, 10), sys.read(read, 10)], ["", ""]);
      ok(sys.close(read));
      const [reader, writer] = pair(sys);
      ok(sys.close(reader));
      same(sys.write(writer, "x"), -Errno.EPIPE);
      ok(sys.close(writer));
    },
  },
  {
    name: "epollWait tells what can be read, as long as it can",
    run(sys) {
      const [read, write] = pair(sys);
      same(poll(sys, read, Poll.In, 0), 0);
      sys.write(write, "xy");
      for (let turn = 0; turn < 2; turn++) {
        same(poll(sys, read, Poll.In, -1), Poll.In);
        sys.read(read, 1);
      }
      same(poll(sys, read, Poll.In, 0), 0);
      ok(sys.close(write));
      holds((poll(sys, read, Poll.In, 0) & Poll.HangUp) !== 0, "the end is an event");
      ok(sys.close(read));
    },
  },
  {
    name: "epollWait ends with the time it was given, and not before",
    run(sys) {
      const epoll = ok(sys.epollCreate());
      const before = sys.now();
      same(sys.epollWait(epoll, new Int32Array(2), 10.5), 0);
      holds(sys.now() - before >= 10.5, "the time has passed");
      ok(sys.close(epoll));
    },
  },
  {
    name: "an epoll instance knows each descriptor once, until it is removed or closed",
    run(sys) {
      const epoll = ok(sys.epollCreate());
      const [read, write] = pair(sys);
      same([sys.epollAdd(epoll, read, Poll.In), sys.epollAdd(epoll, read, Poll.In)], [0, -Errno.EEXIST]);
      same(sys.epollAdd(epoll, 999, Poll.In), -EBADF);
      sys.write(write, "x");
      const pairs = new Int32Array(4);
      same([sys.epollWait(epoll, pairs, 0), [...pairs.subarray(0, 2)]], [1, [read, Poll.In]]);
      same([sys.epollRemove(epoll, read), sys.epollRemove(epoll, read)], [0, -Errno.ENOENT]);
      same(sys.epollWait(epoll, pairs, 0), 0);
      same(sys.epollAdd(epoll, read, Poll.In), 0);
      ok(sys.close(read));
      same(sys.epollWait(epoll, pairs, 0), 0);
      for (const fd of [epoll, write]) ok(sys.close(fd));
    },
  },
  {
    name: "epollWait gives no more pairs than there is room for",
    run(sys) {
      const epoll = ok(sys.epollCreate());
      const pipes = [pair(sys), pair(sys), pair(sys)];
      for (const [read, write] of pipes) {
        ok(sys.epollAdd(epoll, read, Poll.In));
        sys.write(write, "x");
      }
      same(sys.epollWait(epoll, new Int32Array(5), 0), 2);
      for (const fd of [epoll, ...pipes.flat()]) ok(sys.close(fd));
    },
  },
  {
    name: "signals are read once each, however often they were sent",
    run(sys) {
      const fd = ok(sys.signalfd());
      same(sys.readSignal(fd), -Errno.EAGAIN);
      for (const signal of [Signal.USR2, Signal.USR1, Signal.USR1]) same(sys.kill(sys.getpid(), signal), 0);
      same(poll(sys, fd, Poll.In, -1), Poll.In);
      same([sys.readSignal(fd), sys.readSignal(fd), sys.readSignal(fd)], [Signal.USR1, Signal.USR2, -Errno.EAGAIN]);
      ok(sys.close(fd));
    },
  },
  {
    name: "a watched directory tells of what comes and goes in it, until it is closed",
    run(sys, dir) {
      const signals = ok(sys.signalfd());
      const watch = ok(sys.watchDirectory(dir));
      const changes: (() => void)[] = [
        () => write(sys, `${dir}/f`, ""),
        () => ok(sys.rename(`${dir}/f`, `${dir}/g`)),
        () => ok(sys.unlink(`${dir}/g`)),
      ];
      for (const change of changes) {
        change();
        same(poll(sys, signals, Poll.In, 5000), Poll.In);
        for (let signal = sys.readSignal(signals); signal > 0; signal = sys.readSignal(signals)) {
          same(Math.floor(signal / 256), watch + 1);
        }
      }
      ok(sys.close(watch));
      write(sys, `${dir}/h`, "");
      same(sys.readSignal(signals), -Errno.EAGAIN);
      same(sys.watchDirectory(`${dir}/h`), -Errno.ENOTDIR);
      same(sys.watchDirectory(`${dir}/none`), -Errno.ENOENT);
      ok(sys.close(signals));
    },
  },
];

const processes: readonly Behaviour[] = [
  {
    name: "reap tells that there is no child",
    run: (sys) => same(sys.reap(), -Errno.ECHILD),
  },
  {
    name: "reap tells how a child ended",
    run(sys) {
      same(ended(sys, ok(spawn(sys, TRUE))), 0);
      same(ended(sys, ok(spawn(sys, FALSE))), 1 << 8);
      const sleeping = ok(spawn(sys, SLEEP, "1000"));
      same(sys.reap(), 0);
      same(sys.kill(sleeping, 0), 0);
      same(sys.kill(-sleeping, Signal.KILL), 0);
      same(ended(sys, sleeping), Signal.KILL);
      same([sys.kill(sleeping, 0), sys.kill(-sleeping, 0)], [-Errno.ESRCH, -Errno.ESRCH]);
      same(sys.reap(), -Errno.ECHILD);
    },
  },
  {
    name: "a child's end is a signal",
    run(sys) {
      const signals = ok(sys.signalfd());
      ok(spawn(sys, TRUE));
      same(poll(sys, signals, Poll.In, 5000), Poll.In);
      same(sys.readSignal(signals), Signal.CHLD);
      holds(sys.reap() > 0, "it can be reaped then");
      ok(sys.close(signals));
    },
  },
  {
    name: "spawn tells why a program cannot be started",
    run(sys, dir) {
      write(sys, `${dir}/text`, "text\n");
      same(spawn(sys, `${dir}/none`), -Errno.ENOENT);
      same(spawn(sys, `${dir}/text`), -Errno.EACCES);
      same(spawn(sys, dir), -Errno.EACCES);
      ok(sys.chmod(`${dir}/text`, 0o755));
      same(spawn(sys, `${dir}/text`), -Errno.ENOEXEC);
      const failure = (result: number) => parseSpawnFailure(-result);
      same(failure(sys.spawn(TRUE, TRUE, "", `${dir}/none`, QUIET, 0, null)), {
        step: "directory",
        errno: Errno.ENOENT,
      });
      same(failure(sys.spawn(TRUE, TRUE, "", `${dir}/text`, QUIET, 0, null)), {
        step: "directory",
        errno: Errno.ENOTDIR,
      });
      same(failure(sys.spawn(TRUE, TRUE, "", "", [-1, 999, -1], 0, null)), { step: "stdio", errno: EBADF });
      same(sys.reap(), -Errno.ECHILD);
    },
  },
  {
    name: "noteAnswers notes signal, reaped child and started child at once",
    run(sys) {
      const memory = ok(sys.memfd("answers"));
      same(sys.pwrite(memory, "\0".repeat(16), 0), 16);
      same(sys.noteAnswers(memory), 0);
      const words = () => {
        const text = String(sys.pread(memory, 16, 0));
        const byte = (at: number) => text.charCodeAt(at);
        return [0, 4, 8, 12].map((at) => byte(at) + 0x100 * byte(at + 1) + 0x10000 * byte(at + 2));
      };
      const pid = ok(spawn(sys, FALSE));
      same(words(), [0, 0, 0, pid]);
      same(ended(sys, pid), 1 << 8);
      same(words(), [Signal.CHLD, pid, 1 << 8, pid]);
      holds(spawn(sys, "/none") < 0, "there is no such program");
      same(words(), [Signal.CHLD, pid, 1 << 8, 0]);
      ok(sys.close(memory));
    },
  },
  {
    name: "a pipe's end that is opened again does not have to wait, and takes the place of the old one",
    run(sys) {
      const [read, write] = pair(sys);
      const own = ok(sys.open(`/proc/self/fd/${read}`, Open.Read | Open.NonBlock, 0));
      same(sys.dup2(own, read), read);
      ok(sys.close(own));
      same(sys.read(read, 10), -Errno.EAGAIN);
      same([sys.write(write, "x"), sys.read(read, 10)], [1, "x"]);
      ok(sys.close(write));
      same(sys.read(read, 10), "");
      ok(sys.close(read));
    },
  },
  {
    name: "a child holds its end of a pipe open until it ends",
    run(sys) {
      const [read, write] = pair(sys);
      const pid = ok(sys.spawn(SLEEP, `${SLEEP}\x001000`, "", "", [-1, write, -1], 0, null));
      ok(sys.close(write));
      same(poll(sys, read, Poll.In, 0), 0);
      same(sys.kill(pid, Signal.KILL), 0);
      same(ended(sys, pid), Signal.KILL);
      same(sys.read(read, 10), "");
      ok(sys.close(read));
    },
  },
  {
    name: "limits are what they were set to",
    run(sys) {
      const { soft, hard } = sys.getrlimit(RLIMIT_NOFILE);
      same(sys.setrlimit(RLIMIT_NOFILE, soft - 1, hard), 0);
      same(sys.getrlimit(RLIMIT_NOFILE), { soft: soft - 1, hard });
      same(sys.setrlimit(RLIMIT_NOFILE, hard + 1, hard), -Errno.EINVAL);
      same(sys.setrlimit(RLIMIT_NOFILE, soft, hard), 0);
    },
  },
];

const sockets: readonly Behaviour[] = [
  {
    name: "a connection carries bytes both ways, and its end",
    run(sys, dir) {
      const server = ok(sys.unixBind(`${dir}/s`));
      same(stat(sys, `${dir}/s`).mode & Mode.TypeMask, Mode.Socket);
      same(sys.unixConnect(`${dir}/s`), -Errno.ECONNREFUSED);
      same(sys.listen(server, 8), 0);
      same(sys.accept(server), -Errno.EAGAIN);
      const client = ok(sys.unixConnect(`${dir}/s`));
      same(poll(sys, server, Poll.In, -1), Poll.In);
      const accepted = ok(sys.accept(server));
      same(sys.read(accepted, 10), -Errno.EAGAIN);
      same(sys.write(client, EVERY_BYTE), 256);
      same(sys.read(accepted, 1000), EVERY_BYTE);
      same(sys.write(accepted, "answer"), 6);
      same(sys.read(client, 1000), "answer");
      same([sys.peerUid(accepted), sys.peerUid(client)], [sys.getuid(), sys.getuid()]);
      same([sys.peerPid(accepted), sys.peerPid(client)], [sys.getpid(), sys.getpid()]);
      ok(sys.close(client));
      holds((poll(sys, accepted, Poll.In, 0) & Poll.HangUp) !== 0, "the end is an event");
      same([sys.read(accepted, 10), sys.write(accepted, "x")], ["", -Errno.EPIPE]);
      for (const fd of [accepted, server]) ok(sys.close(fd));
      same(sys.unixConnect(`${dir}/s`), -Errno.ECONNREFUSED);
    },
  },
  {
    name: "a datagram socket can be connected to as long as somebody has it",
    run(sys, dir) {
      const path = `${dir}/s`;
      same(sys.unixConnectDatagram(path), -Errno.ENOENT);
      const socket = ok(sys.unixBindDatagram(path));
      same(sys.unixConnect(path), -EPROTOTYPE);
      const client = ok(sys.unixConnectDatagram(path));
      same(sys.write(client, "one"), 3);
      same(poll(sys, socket, Poll.In, -1), Poll.In);
      ok(sys.close(socket));
      same([sys.unixConnectDatagram(path), sys.write(client, "two")], [-Errno.ECONNREFUSED, -Errno.ECONNREFUSED]);
      ok(sys.close(client));
      ok(sys.unlink(path));
      const stream = ok(sys.unixBind(path));
      same(sys.unixConnectDatagram(path), -EPROTOTYPE);
      ok(sys.close(stream));
    },
  },
  {
    name: "datagrams come into memory with length and sender, and lines of syslog are found among them",
    run(sys, dir) {
      const { fd: memfd, bytes: buffer } = mapping(sys);
      const words = new Int32Array(buffer.buffer);
      const socket = ok(sys.unixBindDatagram(`${dir}/s`));
      same(sys.passCredentials(socket), 0);
      same(sys.recvmmsg(socket, buffer, 8, 64, 100, 0), -Errno.EAGAIN);
      const client = ok(sys.unixConnectDatagram(`${dir}/s`));
      const stamped = (priority: string, text: Bytes) => `<${priority}>Nov 21 11:12:34 ${text}`;
      const sent = [
        stamped("30", "app: a\ttab\n"),
        stamped("86", "app[7]: x"),
        stamped("30", "app: a\x1bcontrol"),
        stamped("30", "no tag"),
        "<30>Nov 21 11:12 app: x",
        EVERY_BYTE,
        stamped("30", `app: ${"x".repeat(35)}`),
      ];
      for (const text of sent) same(sys.write(client, text), text.length);
      same(sys.recvmmsg(socket, buffer, 8, 64, 100, 1), sent.length);
      same([words[14], words[7 * 16 + 14]], [0, sent[6]?.length]);
      same(words[(8 * 64 + 64 + 48) / 4], sys.getpid());
      const slot = (index: number) => 8 * 128 + index * 64;
      same(sys.peek(buffer, slot(6), slot(6) + 64), EVERY_BYTE.slice(0, 64));
      const rest = 8 * (128 + 64) + 6 * 100;
      same([words[6 * 16 + 14], sys.peek(buffer, rest, rest + 100)], [256, EVERY_BYTE.slice(64, 164)]);
      const found = new Int32Array(24);
      same(sys.syslogLines(buffer, 8, 64, 8, found), 0);
      const lines = Array.from({ length: 8 }, (_, i) =>
        found[3 * i] === -1 ? null : [found[3 * i], sys.peek(buffer, found[3 * i + 1] ?? 0, found[3 * i + 2] ?? 0)],
      );
      const long = [30, `app: ${"x".repeat(35)}\n`];
      same(lines, [null, [30, "app: a\ttab\n"], [86, "app[7]: x\n"], null, null, null, null, long]);
      // A byte of each stamp that cannot be, and what else only looks like a line.
      const no = ["<>Nov 21 11:12:34 a: x", "<30>Nov 21 11:12:34 a\x7f: x", "<30>Job 42 10:11:12 a: x"];
      for (const [at, bad] of [..."XXX_4x_3x_6x_7x_"].entries()) {
        const stamp = "Nov 21 11:12:34 ";
        no.push(`<30>${stamp.slice(0, at)}${bad}${stamp.slice(at + 1)}a: x`);
      }
      for (const text of [...no, "<30>Feb  1 23:59:60 a: x"]) {
        same(sys.write(client, text), text.length);
        same(sys.recvmmsg(socket, buffer, 8, 64, 100, 0), 1);
        same(sys.syslogLines(buffer, 8, 64, 1, found), 0);
        same([text, found[0]], [text, no.includes(text) ? -1 : 30]);
      }
      // Ended, it still gives what waits.
      ok(sys.write(client, "x"));
      same([sys.shutdown(socket, 0), sys.write(client, "y")], [0, -Errno.EPIPE]);
      same(sys.recvmmsg(socket, buffer, 8, 64, 100, 0), 1);
      for (const fd of [client, socket, memfd]) ok(sys.close(fd));
    },
  },
  {
    name: "a socket's path is free, short and leads somewhere",
    run(sys, dir) {
      write(sys, `${dir}/f`, "");
      same(sys.unixBind(`${dir}/f`), -Errno.EADDRINUSE);
      same(sys.unixBind(`${dir}/none/s`), -Errno.ENOENT);
      same(sys.unixBind(`/${"x".repeat(107)}`), -ENAMETOOLONG);
      same(sys.unixConnect(`${dir}/none`), -Errno.ENOENT);
      same(sys.unixConnect(`${dir}/f`), -Errno.ECONNREFUSED);
      const fd = ok(sys.open(`${dir}/f`, Open.Read, 0));
      same(sys.peerUid(fd), -Errno.ENOTSOCK);
      ok(sys.close(fd));
    },
  },
];

const memory: readonly Behaviour[] = [
  {
    name: "spans of memory are written one after the other, and what a pipe holds comes into it",
    run(sys, dir) {
      const { fd: memfd, bytes } = mapping(sys);
      const words = new Int32Array(bytes.buffer);
      sys.poke(bytes, 4096, EVERY_BYTE);
      words.set([4096 + 65, 3, 4096 + 48, 0, 4096 + 97, 2], 10);
      const file = ok(sys.open(`${dir}/f`, Open.Write | Open.Create | Open.Append, 0o600));
      same([sys.writev(file, bytes, 10, 16), sys.writev(file, bytes, 10, 12)], [5, 3]);
      same([read(sys, `${dir}/f`), sys.size(file)], ["ABCabABC", 8]);
      ok(sys.close(file));
      const [from, to] = pair(sys);
      words.set([8192, 0], 4);
      same(sys.splice(from, memfd, bytes, 16, 100), -Errno.EAGAIN);
      same(sys.write(to, "captured"), 8);
      same([sys.splice(from, memfd, bytes, 16, 3), sys.splice(from, memfd, bytes, 16, 100), words[4]], [3, 5, 8200]);
      same(sys.peek(bytes, 8192, 8201), "captured\0");
      ok(sys.close(to));
      same(sys.splice(from, memfd, bytes, 16, 100), 0);
      for (const fd of [from, memfd]) ok(sys.close(fd));
    },
  },
  {
    name: "clocks go on, and agree",
    run(sys) {
      const [monotonic, real] = [sys.now(), sys.time()];
      const [read, write] = pair(sys);
      same(poll(sys, read, Poll.In, 5), 0);
      for (const fd of [read, write]) ok(sys.close(fd));
      const passed = sys.now() - monotonic;
      holds(passed >= 5 && Math.abs(sys.time() - real - passed) < 1000, "both went on by the time waited");
    },
  },
  {
    name: "a timer of the wall clock can be read once when its time has come, and set again",
    run(sys) {
      const timer = ok(sys.timerfd());
      for (let time = 0; time < 2; time++) {
        same(sys.timerfdSet(timer, sys.time() + 20, true), 0);
        same(sys.read(timer, 8), -Errno.EAGAIN);
        same(poll(sys, timer, Poll.In, 5000), Poll.In);
        holds(sys.read(timer, 8) === "\x01\0\0\0\0\0\0\0", "it tells that it ran out once");
      }
      ok(sys.close(timer));
    },
  },
  {
    name: "bytes go into memory and out of it",
    run(sys) {
      const buffer = new Uint8Array(300);
      same(sys.poke(buffer, 40, EVERY_BYTE), 256);
      same(sys.peek(buffer, 40, 296), EVERY_BYTE);
      same(sys.poke(buffer, 45, EVERY_BYTE), -Errno.EINVAL);
      same(
        [sys.find(buffer, 40, 296, 0xff), sys.find(buffer, 40, 295, 0xff), sys.find(buffer, 41, 300, 10)],
        [295, -1, 50],
      );
    },
  },
  {
    name: "control bytes, and for JSON all that is no UTF-8, are escaped",
    run(sys) {
      const texts = ["", "plain", EVERY_BYTE, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"];
      for (const lead of "\x41\x80\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf4\xf5") {
        for (const next of ["", ..."\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0"])
          for (const rest of ["", "\x80", "\x80\xbf", "\x80\xc0", "\xbf\x80\x80"]) texts.push(lead + next + rest);
      }
      for (const text of texts) {
        for (const json of [false, true])
          same([text, json, sys.escape(text, json)], [text, json, escapeText(text, json)]);
      }
    },
  },
  {
    name: "an error number has words",
    run: (sys) => same(sys.strerror(Errno.ENOENT), "No such file or directory"),
  },
];

/** Every behaviour, each with a directory to itself. */
export const behaviours: readonly Behaviour[] = [...files, ...events, ...processes, ...sockets, ...memory];

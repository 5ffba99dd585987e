import assert from "node:assert/strict";
import { FakeSys } from "../fake/sys-fake.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import { startLogDaemon } from "./daemon.ts";

const SIGUSR2 = 12;
/** Descriptors as the init gives them to the daemon. */
const [SOCKET, STDOUT, MEMORY, JOURNAL, PIPE] = [0, 1, 3, 4, 5];
/** Calls that change nothing: to die before one or after it is the same. */
const LOOKS = new Set<string | symbol>(
  "now time hostname getpid getuid getgid find peek size stat lstat access strerror".split(" "),
);

/** A process of the fake has ended: nothing in it runs any more. */
class Ended extends Error {}

/** When a process is killed: before or after the call with this number. */
export interface Kill {
  readonly call: number;
  readonly when: "before" | "after";
}

/** What happens around the daemon while it runs. */
export interface Around {
  /** Before its call with this number. */
  readonly before?: (call: number) => void;
  /** The container's log takes nothing at every other try; called then. */
  readonly refused?: () => void;
  /** So much is written to the container's log at once. */
  readonly wrote?: (bytes: number) => void;
}

/** The kernel as one process sees it, which is killed at one of its system calls. */
function processOf(
  kernel: FakeSys,
  kill: Kill | undefined,
  { before, refused, wrote }: Around,
): { sys: Sys; calls: number; exited: boolean } {
  const process = { sys: kernel as Sys, calls: 0, exited: false };
  let over = false;
  let tries = 0;
  const end = (): never => {
    // What code of it would still do to its memory does nothing any more.
    if (!over) kernel.endMappings((buffer) => structuredClone(buffer, { transfer: [buffer] }));
    over = true;
    throw new Ended();
  };
  process.sys = new Proxy(kernel, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (over) return end();
        if (!LOOKS.has(name)) {
          process.calls++;
          before?.(process.calls);
        }
        const dies = !LOOKS.has(name) && process.calls === kill?.call;
        process.exited = name === "exit";
        if (process.exited || (dies && kill.when === "before")) return end();
        const shows = name === "writev" && args[0] === STDOUT;
        const refuses = refused !== undefined && shows && tries++ % 2 === 0;
        if (refuses) refused();
        const result: unknown = refuses ? -Errno.EAGAIN : member.apply(target, args);
        if (shows) wrote?.(result as number);
        return dies ? end() : result;
      };
    },
  });
  return process;
}

/** What the init and the daemon's clients hold, whatever becomes of the daemon. */
export class World {
  readonly kernel = new FakeSys();
  /** All that the captured service writes. */
  captured = "";
  /** How many messages are sent. */
  messages = 0;
  readonly #steps: (() => void)[];
  readonly #log: number;
  readonly #journal: number;
  readonly #service: number;
  readonly #reader: number;
  readonly #firstOwn: number;

  /** @param steps what happens, one after another; by default something of everything */
  constructor(settings: Bytes, steps?: readonly ((world: World) => void)[]) {
    const { kernel } = this;
    for (const path of ["/var/log", "/etc/shipshape", "/dev"]) kernel.makeDirectories(path);
    kernel.put("/etc/shipshape/logd.conf", settings);
    kernel.args = ["logd", "web"];
    // Everything else lies above what the daemon gets.
    for (let fd = 3; fd <= PIPE; fd++) kernel.memfd();
    const [reader, stdout] = kernel.pipe();
    const [pipe, service] = kernel.pipe();
    const sockets = [kernel.unixBindDatagram("/dev/log"), kernel.unixBindDatagram("/journal")] as const;
    const given = [
      [sockets[0], SOCKET],
      [stdout, STDOUT],
      [kernel.memfd(), MEMORY],
      [sockets[1], JOURNAL],
      [pipe, PIPE],
    ] as const;
    for (const [fd, place] of given) kernel.dup2(fd, place);
    this.#log = kernel.unixConnectDatagram("/dev/log");
    this.#journal = kernel.unixConnectDatagram("/journal");
    this.#service = service;
    this.#reader = reader;
    this.#firstOwn = kernel.epollCreate();
    kernel.close(this.#firstOwn);
    this.#steps = steps?.map((step) => () => step(this)) ?? [
      () => {
        this.#send("30", "app: ");
        this.#send("86", "sshd[7]: ");
        this.#send("30", "app: \x1b[0m");
        this.#send("86", `sshd: ${"long ".repeat(150)}`);
      },
      () => this.say("line a\nline b\npar"),
      () => {
        this.say("tial");
        this.#send("22", "post: ");
      },
      () => this.say(` line\n${"x".repeat(5000)}\nun`),
      () => {
        this.send(`MESSAGE=n=${this.messages++};\nSYSLOG_IDENTIFIER=app\n`, true);
        // More than are received at once.
        for (let i = 0; i < 70; i++) this.#send("30", "app: to be rotated ");
      },
      () => this.say("finished"),
    ];
  }

  #send(priority: string, text: Bytes): void {
    this.send(`<${priority}>Nov 21 11:12:34 ${text}n=${this.messages++};`);
  }

  /** A datagram for syslog, or for the journal. */
  send(datagram: Bytes, journal = false): void {
    this.kernel.write(journal ? this.#journal : this.#log, datagram);
  }

  /** The captured service writes. */
  say(text: Bytes): void {
    this.kernel.write(this.#service, text);
    this.captured += text;
  }

  /** Lets daemons live one after another, each until it is killed, and the last one until it has written everything and ended. */
  run(kills: readonly Kill[] = [], around: Around = {}): { lives: number; calls: number } {
    const steps = [...this.#steps];
    for (let life = 0; ; life++) {
      const process = processOf(this.kernel, kills[life], around);
      try {
        const daemon = startLogDaemon(process.sys);
        for (let turn = 0; turn < 100; turn++) {
          const next = this.#idle ? steps.shift() : undefined;
          if (next !== undefined) next();
          else if (this.#idle) this.kernel.raise(SIGUSR2);
          daemon.loop.tick();
        }
        assert.fail("the daemon does not end");
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
      }
      if (process.exited) return { lives: life + 1, calls: process.calls };
      for (let fd = this.#firstOwn; fd < this.#firstOwn + 50; fd++) this.kernel.close(fd);
    }
  }

  /** Nothing waits in the sockets and in the pipe. */
  get #idle(): boolean {
    const epoll = this.kernel.epollCreate();
    for (const fd of [SOCKET, JOURNAL, PIPE]) this.kernel.epollAdd(epoll, fd, 1);
    const ready = this.kernel.epollWait(epoll, new Int32Array(8), 0);
    this.kernel.close(epoll);
    return ready === 0;
  }

  /** The text of a log, the rotated ones before it. */
  log(name: Bytes): Bytes {
    const names = this.kernel.readdir(name.slice(0, name.lastIndexOf("/"))) as Bytes[];
    const base = name.slice(name.lastIndexOf("/") + 1);
    // What a kill during the compression has left is taken away when the file is written again.
    const left = (other: Bytes) => other.endsWith(".new") || names.includes(`${other}.gz`);
    const mine = names.filter((other) => (other === base || other.startsWith(`${base}.`)) && !left(other));
    const age = (other: Bytes) => Number.parseInt(other.slice(base.length + 1), 10) || 0;
    mine.sort((a, b) => age(b) - age(a));
    return mine.map((other) => this.kernel.textOf(`${name.slice(0, -base.length)}${other}`)).join("");
  }

  get container(): Bytes {
    let text = "";
    for (let part: Bytes | number = "x"; part !== "" && typeof part === "string"; text += part) {
      const more = this.kernel.epollCreate();
      this.kernel.epollAdd(more, this.#reader, 1);
      part = this.kernel.epollWait(more, new Int32Array(2), 0) > 0 ? this.kernel.read(this.#reader, 65536) : "";
      this.kernel.close(more);
    }
    return text;
  }
}

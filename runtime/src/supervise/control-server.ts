import {
  type Command,
  controlDirectories,
  controlSocket,
  encodeNames,
  encodeReason,
  encodeRefusal,
  encodeStatus,
  MAX_REQUEST_BYTES,
  parseRequest,
  type Request,
} from "../../../lib/control/protocol.ts";
import { signalNumber } from "../../../lib/linux/signals.ts";
import { bootName, containerName } from "../base/this-container.ts";
import type { Timer } from "../base/timers.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import type { Context } from "./context.ts";
import type { Service } from "./service.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Event } from "./transition.ts";

const USUAL_NAME = "control";
const BACKLOG = 64;
const MAX_CONNECTIONS = 256;
const READ_BYTES = 4096;
/** A client that is refused can read why for so long. */
const REFUSED_MS = 100;

/** The signal commands of `sv`: the letter of their `control/` script and the signal. @see runsv(8) */
const SIGNALS: Readonly<Partial<{ [C in Command]: readonly [letter: string, signal: string] }>> = {
  pause: ["p", "STOP"],
  cont: ["c", "CONT"],
  hup: ["h", "HUP"],
  alarm: ["a", "ALRM"],
  interrupt: ["i", "INT"],
  quit: ["q", "QUIT"],
  "1": ["1", "USR1"],
  "2": ["2", "USR2"],
  term: ["t", "TERM"],
  kill: ["k", "KILL"],
};

function eventOf(command: Command): Event {
  const signal = SIGNALS[command];
  if (signal !== undefined) return { kind: "signal", letter: signal[0], signal: signalNumber(signal[1]) ?? 0 };
  if (command === "exit") return { kind: "down", letter: "x" };
  return command === "down" ? { kind: "down", letter: "d" } : { kind: command === "once" ? "once" : "up" };
}

/**
 * Listens where `sv` looks.
 * @param resumed the socket on which an earlier incarnation listened, or -1: clients that came meanwhile wait in it
 * @returns the socket, or -1 when no place could be used (said in a message; everything else goes on)
 */
export function serveControl(context: Context, supervisor: Supervisor, resumed: number): number {
  const { sys, loop } = context;
  const fd = resumed >= 0 ? resumed : listenSomewhere(context);
  if (fd < 0) return -1;
  let connections = 0;
  loop.watch(fd, () => {
    const client = sys.accept(fd);
    if (client < 0) return;
    const uid = sys.peerUid(client);
    const crowded = connections >= MAX_CONNECTIONS;
    if (crowded || (uid !== 0 && uid !== sys.getuid())) {
      sys.write(client, encodeRefusal("denied", crowded ? "too many connections" : "only root may"));
      // A request on its way to a closed connection would end the client by SIGPIPE, before it reads why.
      loop.after(REFUSED_MS, () => sys.close(client));
      return;
    }
    connections++;
    new Connection(context, supervisor, client, () => connections--);
  });
  return fd;
}

function listenSomewhere({ sys, messages }: Context): number {
  let reason = "";
  const container = containerName(sys);
  for (const directory of controlDirectories(sys.getuid())) {
    const fd = listenIn(sys, directory, container);
    if (fd >= 0) return fd;
    reason ||= `${controlSocket(directory, container)}: ${sys.strerror(-fd)}`;
  }
  messages.warn(`cannot listen for sv: ${reason}; services run, sv does not work`);
  return -1;
}

function listenIn(sys: Sys, directory: Bytes, container: Bytes): number {
  const made = sys.mkdir(directory, 0o700);
  if (made < 0 && made !== -Errno.EEXIST) return made;
  // In a place that all may write to somebody else can have made it before us; a link there would lead anywhere.
  const stat = sys.lstat(directory);
  if (typeof stat === "number") return stat;
  if (stat.uid !== sys.getuid() || (stat.mode & 0o170077) !== 0o040000) return -Errno.EPERM;
  const path = controlSocket(directory, container);
  sys.unlink(path);
  const fd = sys.unixBind(path);
  if (fd < 0) return fd;
  const listening = sys.listen(fd, BACKLOG);
  if (listening < 0) {
    sys.close(fd);
    sys.unlink(path);
    return listening;
  }
  dropDead(sys, directory);
  giveUsualName(sys, directory, path);
  return fd;
}

/** Takes away the sockets of containers that ended without a stop. Those of another kernel cannot be told from dead ones. */
function dropDead(sys: Sys, directory: Bytes): void {
  const ofThisBoot = controlSocket(directory, `${bootName(sys)}-`);
  const names = sys.readdir(directory);
  for (const path of typeof names === "number" ? [] : names.map((name) => `${directory}/${name}`)) {
    // As a datagram, for that does not wait: a live one answers that it is of another type.
    if (path.startsWith(ofThisBoot) && sys.unixConnectDatagram(path) === -Errno.ECONNREFUSED) sys.unlink(path);
  }
}

/** A short name for people and scripts, which sv does not use: where containers share the directory it is that of the last one started. */
function giveUsualName(sys: Sys, directory: Bytes, path: Bytes): void {
  const link = `${path}.new`;
  sys.unlink(link);
  if (sys.symlink(path.slice(directory.length + 1), link) >= 0) sys.rename(link, `${directory}/${USUAL_NAME}`);
}

/** Takes this container's socket away, so that a directory that outlives the container does not keep it. */
export function withdrawControl(sys: Sys): void {
  const container = containerName(sys);
  for (const directory of controlDirectories(sys.getuid())) {
    const path = controlSocket(directory, container);
    if (sys.unlink(path) < 0) continue;
    const usual = `${directory}/${USUAL_NAME}`;
    if (sys.readlink(usual) === path.slice(directory.length + 1)) sys.unlink(usual);
  }
}

/** One client; requests are answered in order. */
class Connection {
  readonly #context: Context;
  readonly #supervisor: Supervisor;
  readonly #fd: number;
  readonly #closed: () => void;
  #input = "";
  #open = true;
  #waiting: { timer: Timer; listener: (service: Service) => void } | null = null;

  constructor(context: Context, supervisor: Supervisor, fd: number, closed: () => void) {
    this.#context = context;
    this.#supervisor = supervisor;
    this.#fd = fd;
    this.#closed = closed;
    if (context.loop.watch(fd, () => this.#read()) < 0) this.#close();
  }

  #read(): void {
    const data = this.#context.sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EAGAIN) return;
    if (typeof data === "number" || data === "") this.#close();
    else {
      this.#input += data;
      this.#answerNext();
    }
  }

  #answerNext(): void {
    while (this.#open && this.#waiting === null) {
      const end = this.#input.indexOf("\n");
      if (end < 0) break;
      const line = this.#input.slice(0, end);
      this.#input = this.#input.slice(end + 1);
      const request = parseRequest(line);
      this.#send(typeof request === "string" ? encodeRefusal("bad-request", request) : this.#answer(request));
    }
    if (
      this.#input.length >= MAX_REQUEST_BYTES * 16 ||
      (this.#waiting === null && this.#input.length >= MAX_REQUEST_BYTES)
    ) {
      this.#send(encodeRefusal("bad-request", `a line is ${MAX_REQUEST_BYTES} bytes at most`));
      this.#close();
    }
  }

  /** The reply's text; `""` when it comes later. */
  #answer(request: Request): Bytes {
    if (request.verb === "list") return encodeNames(this.#supervisor.names());
    const found = this.#supervisor.find(request.target) ?? this.#lookAgain(request.target);
    if (found === null) return encodeRefusal("no-service", request.target);
    if (request.verb === "why") return encodeReason(found.process.problem);
    if (request.verb === "wait" && found.service.serial === request.serial) {
      this.#wait(found.service, request.timeoutMs, () => encodeStatus(this.#supervisor.statusOf(found)));
      return "";
    }
    if (request.verb !== "wait" && request.verb !== "status") {
      const event = eventOf(request.verb);
      // One that ends wants nothing else any more, but takes signals: control/t may send another one in place of the TERM.
      if (!found.service.ending || event.kind === "signal") found.process.dispatch(event);
    }
    return encodeStatus(this.#supervisor.statusOf(found));
  }

  /** A script may have made the directory just now, sooner than its changes have settled. */
  #lookAgain(target: Bytes): ReturnType<Supervisor["find"]> {
    this.#supervisor.rescan();
    return this.#supervisor.find(target);
  }

  #wait(service: Service, timeoutMs: number, reply: () => Bytes): void {
    const done = () => {
      this.#stopWaiting();
      this.#send(reply());
      this.#answerNext();
    };
    // In a turn of its own: the change is still being carried out when the listener hears of it.
    const listener = (changed: Service) => {
      if (changed !== service || this.#waiting === null) return;
      this.#context.loop.cancel(this.#waiting.timer);
      this.#waiting = { timer: this.#context.loop.after(0, done), listener };
    };
    this.#waiting = { timer: this.#context.loop.after(timeoutMs, done), listener };
    this.#supervisor.listen(listener);
  }

  #stopWaiting(): void {
    if (this.#waiting === null) return;
    this.#context.loop.cancel(this.#waiting.timer);
    this.#supervisor.unlisten(this.#waiting.listener);
    this.#waiting = null;
  }

  /** A client that is gone or does not read is cut off. */
  #send(text: Bytes): void {
    if (text !== "" && this.#context.sys.write(this.#fd, text) !== text.length) this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stopWaiting();
    this.#context.loop.unwatch(this.#fd);
    this.#context.sys.close(this.#fd);
    this.#closed();
  }
}

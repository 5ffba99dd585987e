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
import type { Trigger } from "./transition.ts";

const USUAL_NAME = "control";
const BACKLOG = 64;
/** One more closes the connection that has been silent for longest. */
const MAX_CONNECTIONS = 256;
/** Of a user who is neither root nor the init's: nobody locks the others out. */
const MAX_CONNECTIONS_PER_USER = 16;
const READ_BYTES = 4096;
const DENIED = "only root may, and the owner of the service's directory";
/** A client that is refused can read why for so long. */
const REFUSED_MS = 100;
/** At most so many refused clients are waited for. */
const MAX_REFUSED = 64;

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

function triggerOf(command: Command): Trigger {
  const signal = SIGNALS[command];
  if (signal !== undefined) return { kind: "signal", letter: signal[0], signal: signalNumber(signal[1]) ?? 0 };
  if (command === "exit") return { kind: "down", letter: "x" };
  return command === "down" ? { kind: "down", letter: "d" } : { kind: command === "once" ? "once" : "up" };
}

/**
 * Listens where `sv` looks.
 * @param resumed the socket on which the previous incarnation listened, or -1: clients that came meanwhile wait in it
 * @returns the socket, or -1 when no place could be used (with a warning; everything else goes on)
 */
export function serveControl(context: Context, supervisor: Supervisor, resumed: number): number {
  const fd = resumed >= 0 ? resumed : listenSomewhere(context);
  if (fd >= 0) new ControlServer(context, supervisor, fd);
  return fd;
}

/** Accepts clients. */
class ControlServer {
  readonly #context: Context;
  readonly #supervisor: Supervisor;
  /** In the order of their last request. */
  readonly #connections = new Set<Connection>();
  #refused = 0;

  constructor(context: Context, supervisor: Supervisor, fd: number) {
    this.#context = context;
    this.#supervisor = supervisor;
    context.loop.watch(fd, () => this.#accept(fd));
  }

  #accept(fd: number): void {
    const { sys } = this.#context;
    const client = sys.accept(fd);
    if (client < 0) return;
    const uid = sys.peerUid(client);
    const trusted = uid === 0 || uid === sys.getuid();
    const sameUser = [...this.#connections].filter((connection) => connection.uid === uid).length;
    if (this.#connections.size >= MAX_CONNECTIONS) this.#closeIdle();
    const crowded = this.#connections.size >= MAX_CONNECTIONS || (!trusted && sameUser >= MAX_CONNECTIONS_PER_USER);
    if (uid < 0 || crowded) {
      this.#refuse(client, "too many connections");
      return;
    }
    const connection: Connection = new Connection(this.#context, this.#supervisor, client, uid, trusted, {
      active: () => {
        this.#connections.delete(connection);
        this.#connections.add(connection);
      },
      closed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    connection.start();
  }

  /** Closes the connection whose last request is the oldest; a client that waits for a service is not idle. */
  #closeIdle(): void {
    for (const connection of this.#connections) {
      if (connection.waits) continue;
      connection.close();
      return;
    }
  }

  #refuse(client: number, reason: string): void {
    const { sys, loop } = this.#context;
    sys.write(client, encodeRefusal("denied", reason));
    if (this.#refused >= MAX_REFUSED) {
      sys.close(client);
      return;
    }
    this.#refused++;
    // A request on its way to a closed connection would end the client by SIGPIPE, before it reads why.
    loop.after(REFUSED_MS, () => {
      this.#refused--;
      sys.close(client);
    });
  }
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
  // The owner of a service's directory may connect, too; who else does is refused.
  const made = sys.mkdir(directory, 0o711);
  if (made < 0 && made !== -Errno.EEXIST) return made;
  // In a place that all may write to somebody else can have made it before us; a link there would lead anywhere.
  const stat = sys.lstat(directory);
  if (typeof stat === "number") return stat;
  if (stat.uid !== sys.getuid() || (stat.mode & 0o170022) !== 0o040000) return -Errno.EPERM;
  if ((stat.mode & 0o11) !== 0o11) sys.chmod(directory, 0o711);
  const path = controlSocket(directory, container);
  sys.unlink(path);
  const fd = sys.unixBind(path);
  if (fd < 0) return fd;
  sys.chmod(path, 0o666);
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

/** What a connection reports to its server. */
interface Watcher {
  active(): void;
  closed(): void;
}

/** One client; requests are answered in order. */
class Connection {
  readonly #context: Context;
  readonly #supervisor: Supervisor;
  readonly #fd: number;
  readonly uid: number;
  /** Whether the client may control everything, or only services whose directory is its own. */
  readonly #trusted: boolean;
  readonly #watcher: Watcher;
  #input = "";
  #open = true;
  #waiting: { timer: Timer; listener: (service: Service) => void } | null = null;

  constructor(context: Context, supervisor: Supervisor, fd: number, uid: number, trusted: boolean, watcher: Watcher) {
    this.#context = context;
    this.#supervisor = supervisor;
    this.#fd = fd;
    this.uid = uid;
    this.#trusted = trusted;
    this.#watcher = watcher;
  }

  start(): void {
    if (this.#context.loop.watch(this.#fd, () => this.#read()) < 0) this.close();
  }

  get waits(): boolean {
    return this.#waiting !== null;
  }

  #read(): void {
    const data = this.#context.sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EAGAIN) return;
    if (typeof data === "number" || data === "") this.close();
    else {
      this.#watcher.active();
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
      this.close();
    }
  }

  /** Returns the reply's text; `""` when it comes later. */
  #answer(request: Request): Bytes {
    const supervisor = this.#supervisor;
    const mine = (name: Bytes) => this.#trusted || supervisor.ownerOf(name) === this.uid;
    if (request.verb === "list") {
      const names = supervisor.names().filter(mine);
      return this.#trusted || names.length > 0 ? encodeNames(names) : encodeRefusal("denied", DENIED);
    }
    const found = supervisor.find(request.target) ?? (this.#trusted ? this.#lookAgain(request.target) : null);
    if (found === null) return encodeRefusal("no-service", request.target);
    if (!mine(found.service.name)) return encodeRefusal("denied", DENIED);
    if (request.verb === "why") return encodeReason(found.process.problem);
    if (request.verb === "wait" && found.service.serial === request.serial) {
      this.#wait(found.service, request.timeoutMs, () => encodeStatus(this.#supervisor.statusOf(found)));
      return "";
    }
    if (request.verb !== "wait" && request.verb !== "status") {
      const trigger = triggerOf(request.verb);
      // A service that ends obeys signals only: control/t may send another one in place of the TERM.
      if (!found.service.ending || trigger.kind === "signal") found.process.dispatch(trigger);
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
    if (text !== "" && this.#context.sys.write(this.#fd, text) !== text.length) this.close();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stopWaiting();
    this.#context.loop.unwatch(this.#fd);
    this.#context.sys.close(this.#fd);
    this.#watcher.closed();
  }
}

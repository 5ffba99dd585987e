import {
  controlSockets,
  encodeRequest,
  parseNameCount,
  parseReason,
  parseRefusal,
  parseRequest,
  parseStatus,
  type Refusal,
  type Request,
  type ServiceStatus,
} from "../../../lib/control/protocol.ts";
import { writeAll } from "../base/files.ts";
import { type Bytes, Errno, Poll, type Sys } from "../sys.ts";

/** An init that has not answered for so long, beyond what it was asked to wait, is stuck. */
const PATIENCE_MS = 10_000;
const MAX_REPLY_BYTES = 1 << 16;
const READ_BYTES = 16_384;
/** An init that crashed listens again within milliseconds. */
const RECONNECT_MS = 1000;
const RECONNECT_STEP_MS = 10;

/** The init cannot be talked to; the message says why. */
export class Unreachable extends Error {}

/** The client's end of the control socket. @see docs/reference/control-protocol.md */
export class Control {
  readonly #sys: Sys;
  readonly #epoll: number;
  #fd: number;
  #input = "";

  /** @throws {@link Unreachable} */
  constructor(sys: Sys) {
    this.#sys = sys;
    this.#epoll = sys.epollCreate();
    const connected = connect(sys);
    if (typeof connected === "string") throw new Unreachable(connected);
    this.#fd = connected;
    sys.epollAdd(this.#epoll, connected, Poll.In);
  }

  /** Sends a request and waits for its answer. @throws {@link Unreachable} */
  ask(request: Exclude<Request, { verb: "list" }>): ServiceStatus | Refusal {
    const line = encodeRequest(request);
    const wrong = parseRequest(line.slice(0, -1));
    if (typeof wrong === "string") return { code: "bad-request", text: wrong };
    const repeatable = request.verb === "status" || request.verb === "wait";
    const reply = this.#exchange(line, request.verb === "wait" ? request.timeoutMs : 0, repeatable);
    return parseStatus(reply) ?? this.#refusal(reply);
  }

  /** Why the service waits to be started again; `""` when it does not, or the init does not tell. @throws {@link Unreachable} */
  why(target: Bytes): Bytes {
    return parseReason(this.#exchange(encodeRequest({ verb: "why", target }), 0, true));
  }

  /** Names of all services. @throws {@link Unreachable} */
  list(): Bytes[] {
    const reply = this.#exchange(encodeRequest({ verb: "list" }), 0, true);
    const count = parseNameCount(reply);
    if (count === null) throw new Unreachable(this.#refusal(reply).text);
    const names: Bytes[] = [];
    while (names.length < count) names.push(this.#line(0) ?? this.#lost());
    return names;
  }

  #refusal(reply: Bytes): Refusal {
    const refusal = parseRefusal(reply);
    if (refusal === null) throw new Unreachable(`it answered "${reply}"`);
    if (refusal.code === "denied") throw new Unreachable(refusal.text);
    return refusal;
  }

  /** @param repeatable whether the request may be sent again to an init that crashed meanwhile and is back */
  #exchange(line: Bytes, waitMs: number, repeatable: boolean): Bytes {
    for (const attempts = [1, 2, 3]; attempts.pop(); ) {
      // Writing to an init that is gone would end this process by SIGPIPE.
      if (this.#isGone()) this.#reconnect();
      const sent = this.#input !== "" || writeAll(this.#sys, this.#fd, line) === 0;
      const reply = sent ? this.#line(waitMs) : null;
      if (reply !== null) return reply;
      if (!repeatable) break;
      this.#reconnect();
    }
    return this.#lost();
  }

  /** Looks whether the connection has ended while nothing was asked; a refusal may have come before that. */
  #isGone(): boolean {
    return this.#sys.epollWait(this.#epoll, new Int32Array(2), 0) > 0 && !this.#receive();
  }

  /** Takes in what has come; `false` when the connection has ended. */
  #receive(): boolean {
    const chunk = this.#sys.read(this.#fd, READ_BYTES);
    if (typeof chunk === "number" || chunk === "") return false;
    this.#input += chunk;
    return true;
  }

  /** The next line; `null` when the connection ended. */
  #line(waitMs: number): Bytes | null {
    const sys = this.#sys;
    const pair = new Int32Array(2);
    const deadline = sys.now() + waitMs + PATIENCE_MS;
    for (;;) {
      const end = this.#input.indexOf("\n");
      if (end >= 0) {
        const line = this.#input.slice(0, end);
        this.#input = this.#input.slice(end + 1);
        return line;
      }
      const leftMs = Math.ceil(deadline - sys.now());
      if (leftMs <= 0) throw new Unreachable("it does not answer");
      if (sys.epollWait(this.#epoll, pair, leftMs) < 1) continue;
      if (!this.#receive()) return null;
      if (this.#input.length > MAX_REPLY_BYTES && !this.#input.includes("\n"))
        throw new Unreachable("its answer has no end");
    }
  }

  #reconnect(): void {
    const sys = this.#sys;
    const deadline = sys.now() + RECONNECT_MS;
    sys.close(this.#fd);
    this.#input = "";
    for (;;) {
      const connected = connect(sys);
      if (typeof connected === "number") {
        this.#fd = connected;
        sys.epollAdd(this.#epoll, connected, Poll.In);
        return;
      }
      if (sys.now() > deadline) throw new Unreachable(connected);
      sys.epollWait(this.#epoll, new Int32Array(2), RECONNECT_STEP_MS);
    }
  }

  #lost(): never {
    throw new Unreachable("it closed the connection");
  }
}

/** A descriptor connected to the init, or the reason why there is none. */
function connect(sys: Sys): number | string {
  const own = sys.getuid();
  const first = sys.stat("/proc/1");
  const init = own === 0 && typeof first !== "number" ? first.uid : own;
  const paths = [...new Set([...controlSockets(own), ...controlSockets(init)])];
  let reason = `nothing listens at ${paths[0]}: my_init is not there, still runs startup files, or was told --skip-runit`;
  for (const path of paths) {
    const fd = sys.unixConnect(path);
    if (fd === -Errno.ENOENT || fd === -Errno.ECONNREFUSED) continue;
    if (fd < 0) {
      const whose = fd === -Errno.EACCES ? ": only root, or the user that the init runs as, may" : "";
      reason = `${path}: ${sys.strerror(-fd)}${whose}`;
      continue;
    }
    const peer = sys.peerUid(fd);
    if (peer === 0 || peer === own || peer === init) return fd;
    sys.close(fd);
    reason = `${path} belongs to user ${peer}, not to the init`;
  }
  return reason;
}

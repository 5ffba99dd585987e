import { type Bytes, Errno, Poll, type Sys } from "../sys.ts";
import { writeAll } from "./files.ts";
import type { Loop } from "./loop.ts";
import type { Timer } from "./timers.ts";

const READ_BYTES = 65_536;
/** A reader that took nothing is tried again after so long. */
const RETRY_MS = 10;
/** A connection that was answered stays open for so long, or until its client closes it. */
const LINGER_MS = 1000;

/** The program at the other end cannot be talked to; the message says why. */
export class Unreachable extends Error {}

/** The client's end of a connection. It blocks until a line is there. */
export class ClientWire {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #epoll: number;
  #input = "";

  /** @param fd a connected, blocking socket */
  constructor(sys: Sys, fd: number) {
    this.#sys = sys;
    this.#fd = fd;
    this.#epoll = sys.epollCreate();
    sys.epollAdd(this.#epoll, fd, Poll.In);
  }

  /** Sends a request, unless an answer is there already: a refusal. @throws {@link Unreachable} */
  send(text: Bytes): void {
    // Writing to a closed connection would end this process by SIGPIPE.
    if (this.#sys.epollWait(this.#epoll, new Int32Array(2), 0) > 0) this.#receive();
    if (this.#input === "" && writeAll(this.#sys, this.#fd, text) < 0) this.#lost();
  }

  /** Returns the next line. @param patienceMs how long to wait for each part of it; -1 for ever @throws {@link Unreachable} */
  line(patienceMs: number): Bytes {
    for (;;) {
      const end = this.#input.indexOf("\n");
      if (end >= 0) return this.#take(end + 1).slice(0, -1);
      this.#wait(patienceMs);
    }
  }

  /** Returns the next so many bytes. @throws {@link Unreachable} */
  bytes(count: number, patienceMs: number): Bytes {
    while (this.#input.length < count) this.#wait(patienceMs);
    return this.#take(count);
  }

  #take(count: number): Bytes {
    const taken = this.#input.slice(0, count);
    this.#input = this.#input.slice(count);
    return taken;
  }

  #wait(patienceMs: number): void {
    if (this.#sys.epollWait(this.#epoll, new Int32Array(2), patienceMs) < 1 && patienceMs >= 0)
      throw new Unreachable("it does not answer");
    this.#receive();
  }

  #receive(): void {
    const data = this.#sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EINTR) return;
    if (typeof data === "number" || data === "") this.#lost();
    else this.#input += data;
  }

  #lost(): never {
    throw new Unreachable("it closed the connection");
  }
}

/** Receives the events of a {@link ServerWire}. */
export interface WireEvents {
  /** More {@link ServerWire.input} is there. */
  received(): void;
  closed(): void;
}

/** The server's end of a connection. It never blocks. */
export class ServerWire {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #events: WireEvents;
  #unsent = "";
  #timer: Timer;
  #isOpen = true;
  #isAnswered = false;
  /** Received bytes; the owner takes them away. */
  input: Bytes = "";

  /** @param fd a connected, non-blocking socket @param patienceMs a client that has not sent its request by then is cut off */
  constructor(sys: Sys, loop: Loop, fd: number, patienceMs: number, events: WireEvents) {
    this.#sys = sys;
    this.#loop = loop;
    this.#fd = fd;
    this.#events = events;
    this.#timer = loop.after(patienceMs, () => this.close());
    // Not now: the owner does not have this object yet.
    if (loop.watch(fd, () => this.#read()) < 0) loop.after(0, () => this.close());
  }

  /** How many bytes wait for the client to read. */
  get unsentBytes(): number {
    return this.#unsent.length;
  }

  /** Gives the client any time. */
  keep(): void {
    this.#loop.cancel(this.#timer);
  }

  send(text: Bytes): void {
    const waits = this.#unsent !== "";
    this.#unsent += text;
    if (!waits) this.#flush();
  }

  /** Sends the last of an answer. @param patienceMs a client that has not read it by then is cut off */
  finish(text: Bytes, patienceMs: number): void {
    this.#isAnswered = true;
    this.#cutOffAfter(patienceMs);
    this.send(text);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#loop.cancel(this.#timer);
    this.#loop.unwatch(this.#fd);
    this.#sys.close(this.#fd);
    this.#events.closed();
  }

  #cutOffAfter(delayMs: number): void {
    this.#loop.cancel(this.#timer);
    this.#timer = this.#loop.after(delayMs, () => this.close());
  }

  #read(): void {
    const data = this.#sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EAGAIN || data === -Errno.EINTR) return;
    if (typeof data === "number" || data === "") this.close();
    else if (!this.#isAnswered) {
      this.input += data;
      this.#events.received();
    }
  }

  #flush(): void {
    while (this.#isOpen && this.#unsent !== "") {
      const written = this.#sys.write(this.#fd, this.#unsent);
      if (written === -Errno.EAGAIN) {
        this.#loop.after(RETRY_MS, () => this.#flush());
        return;
      }
      if (written <= 0) this.close();
      else this.#unsent = this.#unsent.slice(written);
    }
    // Closed at once, a client that still writes would end by SIGPIPE, before it reads why.
    if (this.#isOpen && this.#isAnswered) this.#cutOffAfter(LINGER_MS);
  }
}

import type { Remote } from "../../../lib/log-settings.ts";
import { readFrames } from "../../../lib/syslog-frame.ts";
import { Loop } from "../kernel/loop.ts";
import type { Timer } from "../kernel/timers.ts";
import { type Bytes, Errno, Open, type Sys } from "../sys.ts";
import { SPOOL, SPOOL_DIRECTORY } from "./spool.ts";

/** What was sent: `INODE OFFSET` of the spool's file. Locked by the forwarder that works. */
const STATE = `${SPOOL}.sent`;
const CHUNK_BYTES = 65_536;
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;
/** How long the rest may take at the stop. */
const LAST_MS = 300;
const EXCLUSIVE_NO_WAIT = 2 | 4;
/** Chunks sent before other events get their turn. */
const CHUNKS_PER_TURN = 16;

/**
 * Sends what lies in the spool to another machine. A process of its own, because names and connections can take their time. It ends
 * when its standard input does.
 */
export class Forwarder {
  readonly #sys: Sys;
  readonly loop: Loop;
  readonly #remote: Remote;
  #state = -1;
  #file = -1;
  #ino = 0;
  #offset = 0;
  #socket = -1;
  #delayMs = 0;
  #retry: Timer | null = null;
  #told = false;
  #ending = false;

  constructor(sys: Sys, remote: Remote) {
    this.#sys = sys;
    this.#remote = remote;
    this.loop = new Loop(
      sys,
      () => {},
      (error) => this.#say(`a fault in the forwarder, which goes on: ${String(error)}`),
    );
    this.loop.watch(0, () => this.#end());
    this.#begin();
  }

  /** Waits for the lock of a forwarder that is about to end, then works. */
  #begin(): void {
    const sys = this.#sys;
    if (this.#state < 0) this.#state = sys.open(STATE, Open.ReadWrite | Open.Create, 0o600);
    if (this.#state < 0 || sys.flock(this.#state, EXCLUSIVE_NO_WAIT) < 0) {
      this.loop.after(FIRST_DELAY_MS, () => this.#begin());
      return;
    }
    const text = sys.pread(this.#state, 64, 0);
    const [ino, offset] = typeof text === "string" ? text.split(" ").map(Number) : [];
    this.#openFirst(ino || 0, offset || 0);
    this.loop.watchDirectory(SPOOL_DIRECTORY, () => this.#pump());
    this.#pump();
  }

  /** Opens the file that was being sent, or the oldest that there is. */
  #openFirst(ino: number, offset: number): void {
    for (const path of [`${SPOOL}.1`, SPOOL]) {
      if (this.#open(path) && this.#ino === ino) {
        this.#offset = offset;
        return;
      }
    }
    if (!this.#open(`${SPOOL}.1`)) this.#open(SPOOL);
  }

  #open(path: Bytes): boolean {
    const sys = this.#sys;
    if (this.#file >= 0) sys.close(this.#file);
    this.#file = sys.open(path, Open.Read, 0);
    const stat = sys.stat(path);
    this.#ino = typeof stat === "number" ? 0 : stat.ino;
    this.#offset = 0;
    return this.#file >= 0;
  }

  /** Sends what is there. */
  #pump(): void {
    if (this.#state < 0 || this.#retry !== null) return;
    for (let chunk = 0; chunk < CHUNKS_PER_TURN; chunk++) {
      const result = this.#sendChunk();
      if (result === "sent") continue;
      // Told to end, and nothing is left or goes.
      if (this.#ending) this.#sys.exit(0);
      return;
    }
    this.loop.after(0, () => this.#pump());
  }

  #sendChunk(): "sent" | "none" | "failed" {
    if (this.#file < 0 && !this.#open(SPOOL)) return "none";
    const text = this.#sys.pread(this.#file, CHUNK_BYTES, this.#offset);
    if (typeof text === "number" || text === "") return this.#nextFile() ? "sent" : "none";
    const { frames, broken } = readFrames(text);
    if (frames.length > 0 && !this.#send(text, frames)) return "failed";
    if (broken) {
      this.#say(`${SPOOL} holds what is no message; the rest of it is passed over`);
      this.#offset = this.#sys.size(this.#file);
    }
    return frames.length > 0 || broken ? "sent" : "none";
  }

  /** Goes on with the newer half when the one at hand is at its end and gets no more; `false` when there is none. */
  #nextFile(): boolean {
    const current = this.#sys.stat(SPOOL);
    if (typeof current === "number" || current.ino === this.#ino) return false;
    const older = this.#sys.stat(`${SPOOL}.1`);
    if (typeof older !== "number" && older.ino === this.#ino) this.#sys.unlink(`${SPOOL}.1`);
    else if (typeof older !== "number") {
      this.#say("the buffer for forwarding was full: messages were dropped");
      return this.#open(`${SPOOL}.1`);
    }
    return this.#open(SPOOL);
  }

  #send(text: Bytes, frames: readonly (readonly [number, number])[]): boolean {
    if (this.#socket < 0 && !this.#connect()) return false;
    let done = 0;
    let result = 0;
    if (this.#remote.protocol === "udp") {
      for (const [from, end] of frames) {
        result = this.#sys.write(this.#socket, text.slice(from, end));
        // One that is too large for a datagram would never go.
        if (result < 0 && result !== -Errno.EMSGSIZE) break;
        done = end;
      }
    } else {
      const end = frames[frames.length - 1]?.[1] ?? 0;
      let written = 0;
      while (written < end) {
        result = this.#sys.write(this.#socket, text.slice(written, end));
        if (result === -Errno.EINTR) continue;
        if (result <= 0) break;
        written += result;
      }
      for (const [, frameEnd] of frames) if (frameEnd <= written) done = frameEnd;
    }
    this.#offset += done;
    this.#sys.pwrite(this.#state, `${this.#ino} ${this.#offset} \n`, 0);
    const complete = done === frames[frames.length - 1]?.[1];
    if (!complete) this.#fail(-result);
    return complete;
  }

  #connect(): boolean {
    const { protocol, host, port } = this.#remote;
    const socket = this.#sys.connectTo(host, port, protocol === "udp");
    if (socket < 0) {
      this.#fail(-socket);
      return false;
    }
    this.#socket = socket;
    // A peer that closes is noticed at once; what a syslog server says otherwise does not matter.
    this.loop.watch(socket, () => {
      const said = this.#sys.read(socket, 4096);
      if ((said === "" && protocol === "tcp") || (typeof said === "number" && said !== -Errno.EAGAIN))
        this.#disconnect();
    });
    if (this.#told) this.#say(`forwarding to ${protocol}://${host}:${port} goes on`);
    this.#told = false;
    this.#delayMs = 0;
    return true;
  }

  #disconnect(): void {
    if (this.#socket < 0) return;
    this.loop.unwatch(this.#socket);
    this.#sys.close(this.#socket);
    this.#socket = -1;
  }

  #fail(errno: number): void {
    const { protocol, host, port } = this.#remote;
    this.#disconnect();
    const reason = errno === Errno.ENOENT ? "nobody knows this name" : this.#sys.strerror(errno);
    if (!this.#told)
      this.#say(`cannot forward to ${protocol}://${host}:${port}: ${reason}; messages wait, 16 MB of them at most`);
    this.#told = true;
    this.#delayMs = Math.min(MAX_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * this.#delayMs));
    this.#retry = this.loop.after(this.#delayMs, () => {
      this.#retry = null;
      this.#pump();
    });
  }

  /** The log daemon has ended, or is about to: the rest goes, if it goes at once. */
  #end(): void {
    this.loop.unwatch(0);
    this.#ending = true;
    this.loop.after(LAST_MS, () => this.#sys.exit(0));
    if (this.#retry !== null) this.#sys.exit(0);
    this.#pump();
  }

  #say(text: string): void {
    this.#sys.write(2, `*** ${text}\n`);
  }
}

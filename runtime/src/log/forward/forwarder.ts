import { readFrames } from "../../../../lib/log/frame.ts";
import type { Remote } from "../../../../lib/log/settings.ts";
import { Loop } from "../../base/loop.ts";
import { OwnStream } from "../../base/own-stream.ts";
import type { Timer } from "../../base/timers.ts";
import { openTrusted } from "../../base/trusted-files.ts";
import { type Bytes, Errno, Lock, Open, type Sys } from "../../sys.ts";
import { OLDER, SPOOL, SPOOL_DIRECTORY } from "./spool.ts";

/** Lock of the one forwarder that sends. */
const LOCK = `${SPOOL}.lock`;
/**
 * How much of a half was sent stands at its start, as `@OFFSET `: over a message that was sent, so it needs no place, and whatever
 * becomes of the half, it cannot be taken for another's.
 */
const SENT = "@";
const CHUNK_BYTES = 65_536;
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;
/** Time for the rest of the spool at the stop. */
const LAST_MS = 300;
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
  readonly #stderr: OwnStream;
  #lock = -1;
  #locked = false;
  #file = -1;
  #offset = 0;
  #socket = -1;
  #delayMs = 0;
  #retry: Timer | null = null;
  #told = false;
  /** Whether a warning has said that a file of the spool is not trusted. */
  #refused = false;
  #ending = false;

  constructor(sys: Sys, remote: Remote) {
    this.#sys = sys;
    this.#remote = remote;
    this.#stderr = new OwnStream(sys, 2);
    this.loop = new Loop(
      sys,
      () => {},
      (error) => this.#say(`a fault in the forwarder, which goes on: ${String(error)}`),
    );
    this.loop.watch(0, () => this.#end());
    this.#begin();
  }

  /** Starts to send once the previous forwarder, which may still be ending, has released the lock. */
  #begin(): void {
    const sys = this.#sys;
    if (this.#lock < 0) this.#lock = this.#openOwn(LOCK, Open.ReadWrite | Open.Create);
    this.#locked = this.#lock >= 0 && sys.flock(this.#lock, Lock.Exclusive | Lock.NoWait) === 0;
    if (!this.#locked) {
      this.loop.after(FIRST_DELAY_MS, () => this.#begin());
      return;
    }
    this.loop.watchDirectory(SPOOL_DIRECTORY, () => this.#pump());
    this.#pump();
  }

  /** Opens the older half while it has something, else the newer one. `false` when there is none. */
  #open(): boolean {
    const sys = this.#sys;
    if (this.#file >= 0) sys.close(this.#file);
    // In this order a half that is renamed to the older one just now is not missed.
    this.#file = this.#openOwn(SPOOL, Open.ReadWrite);
    const older = sys.stat(OLDER);
    if (typeof older !== "number" && older.size > 0) {
      if (this.#file >= 0) sys.close(this.#file);
      this.#file = this.#openOwn(OLDER, Open.ReadWrite);
    }
    const head = this.#file < 0 ? "" : sys.pread(this.#file, 16, 0);
    this.#offset = typeof head === "string" && head.startsWith(SENT) ? Number.parseInt(head.slice(1), 10) : 0;
    return this.#file >= 0;
  }

  /** Opens a file of the spool; -1 or `-errno` when it cannot be. */
  #openOwn(path: Bytes, flags: number): number {
    const fd = openTrusted(this.#sys, path, flags, 0o600);
    if (typeof fd === "number") return fd;
    if (!this.#refused) this.#say(`cannot forward: ${fd}`);
    this.#refused = true;
    return -1;
  }

  /** Sends the messages in the spool. */
  #pump(): void {
    if (!this.#locked || this.#retry !== null) return;
    for (let chunk = 0; chunk < CHUNKS_PER_TURN; chunk++) {
      const result = this.#sendChunk();
      if (result === "sent") continue;
      // At the stop: nothing is left, or nothing can be sent.
      if (this.#ending) this.#sys.exit(0);
      return;
    }
    this.loop.after(0, () => this.#pump());
  }

  #sendChunk(): "sent" | "none" | "failed" {
    if (this.#file < 0 && !this.#open()) return "none";
    const read = this.#sys.pread(this.#file, CHUNK_BYTES, this.#offset);
    const text = typeof read === "string" ? read : "";
    const { frames, broken } = readFrames(text);
    if (frames.length === 0 && !broken) return this.#next(this.#offset + text.length) ? "sent" : "none";
    if (frames.length > 0 && !this.#send(text, frames)) return "failed";
    if (broken) {
      this.#say(`${SPOOL} holds what is no message; the rest of it is passed over`);
      this.#offset = this.#sys.size(this.#file);
    }
    return "sent";
  }

  /**
   * Goes on with the newer half when the one at hand gets no more; `false` while it may.
   * @param end how far it was looked at
   */
  #next(end: number): boolean {
    const sys = this.#sys;
    const newer = sys.stat(SPOOL);
    const ours = sys.stat(`/proc/self/fd/${this.#file}`);
    if (typeof newer === "number" || (typeof ours !== "number" && newer.ino === ours.ino)) return false;
    // More may have been appended between the two looks.
    if (sys.size(this.#file) > end) return true;
    // Truncated and not unlinked: its name may belong to another file by now.
    return sys.ftruncate(this.#file, 0) === 0 && this.#open();
  }

  #send(text: Bytes, frames: readonly (readonly [number, number])[]): boolean {
    if (this.#socket < 0 && !this.#connect()) return false;
    let done = 0;
    let result = 0;
    if (this.#remote.protocol === "udp") {
      for (const [from, end] of frames) {
        result = this.#sys.write(this.#socket, text.slice(from, end));
        // A message that is too large for a datagram could never be sent: it is skipped.
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
    if (done > 0) this.#sys.pwrite(this.#file, `${SENT}${this.#offset} `, 0);
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
    // Notices at once when the peer closes. Anything else that a syslog server sends is ignored.
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

  /** Sends the rest, if that is possible at once: the log daemon has ended, or is about to. */
  #end(): void {
    this.loop.unwatch(0);
    this.#ending = true;
    this.loop.after(LAST_MS, () => this.#sys.exit(0));
    if (this.#retry !== null) this.#sys.exit(0);
    this.#pump();
  }

  #say(text: string): void {
    this.#stderr.write(`*** ${text}\n`);
  }
}

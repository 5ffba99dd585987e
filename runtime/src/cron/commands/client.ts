import { type CronRequest, cronDirectories, encodeCronRequest } from "../../../../lib/cron/protocol.ts";
import { writeAll } from "../../base/files.ts";
import { type Bytes, Errno, Poll, type Sys } from "../../sys.ts";

/** A daemon that says nothing for so long is stuck. */
const PATIENCE_MS = 15_000;
const READ_BYTES = 65_536;

/** cron cannot be talked to; the message says why. */
export class Unreachable extends Error {}

/** The client's end of cron's socket, for one request. @see docs/reference/cron.md */
export class Client {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #epoll: number;
  #input = "";

  /** @returns a client, or the reason why nobody answers */
  static connect(sys: Sys): Client | string {
    let reason = "cron does not run: sv up cron";
    const own = sys.getuid();
    for (const uid of new Set([own, 0]))
      for (const directory of cronDirectories(uid)) {
        const fd = sys.unixConnect(`${directory}/socket`);
        if (fd === -Errno.ENOENT || fd === -Errno.ECONNREFUSED) continue;
        const peer = fd < 0 ? 0 : sys.peerUid(fd);
        if (fd >= 0 && (peer === 0 || peer === own)) return new Client(sys, fd);
        if (fd >= 0) sys.close(fd);
        reason = fd < 0 ? `${directory}/socket: ${sys.strerror(-fd)}` : `${directory}/socket is user ${peer}'s`;
      }
    return reason;
  }

  private constructor(sys: Sys, fd: number) {
    this.#sys = sys;
    this.#fd = fd;
    this.#epoll = sys.epollCreate();
    sys.epollAdd(this.#epoll, fd, Poll.In);
  }

  /** Sends the request and gives the first line of the answer. @throws {@link Unreachable} */
  ask(request: CronRequest, body: Bytes = ""): Bytes {
    if (writeAll(this.#sys, this.#fd, encodeCronRequest(request) + body) < 0)
      throw new Unreachable("it closed the connection");
    return this.line(request.verb === "run");
  }

  /** The next line. @param patient whether that may take any time @throws {@link Unreachable} */
  line(patient = false): Bytes {
    for (;;) {
      const end = this.#input.indexOf("\n");
      if (end >= 0) {
        const line = this.#input.slice(0, end);
        this.#input = this.#input.slice(end + 1);
        return line;
      }
      this.#more(patient);
    }
  }

  /** The next so many bytes. @throws {@link Unreachable} */
  take(bytes: number): Bytes {
    while (this.#input.length < bytes) this.#more(false);
    const taken = this.#input.slice(0, bytes);
    this.#input = this.#input.slice(bytes);
    return taken;
  }

  #more(patient: boolean): void {
    if (this.#sys.epollWait(this.#epoll, new Int32Array(2), patient ? -1 : PATIENCE_MS) < 1 && !patient)
      throw new Unreachable("it does not answer");
    const data = this.#sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EINTR) return;
    if (typeof data === "number" || data === "") throw new Unreachable("it closed the connection");
    this.#input += data;
  }
}

/** The text behind a word that a line begins with, or `null` when it begins otherwise. */
export function after(line: Bytes, word: Bytes): Bytes | null {
  return line.startsWith(`${word} `) ? line.slice(word.length + 1) : null;
}

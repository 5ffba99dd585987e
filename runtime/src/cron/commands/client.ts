import { CONTAINER_FILE, type CronRequest, cronDirectories, encodeCronRequest } from "../../../../lib/cron/protocol.ts";
import { readFile } from "../../base/files.ts";
import { containerName } from "../../base/this-container.ts";
import { ClientWire } from "../../base/wire.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";

/** A daemon that says nothing for so long is stuck. */
const PATIENCE_MS = 15_000;

/** The client's end of cron's socket, for one request. @see docs/reference/cron.md */
export class CronClient {
  readonly #wire: ClientWire;

  /** @returns a client, or the reason why nobody answers */
  static connect(sys: Sys): CronClient | string {
    let reason = "cron does not run: sv up cron";
    const own = sys.getuid();
    const container = containerName(sys);
    for (const directory of new Set([own, 0].flatMap((uid) => cronDirectories(uid, container)))) {
      const owner = readFile(sys, `${directory}/${CONTAINER_FILE}`, 128);
      // The cron of another container that shares the place.
      if (typeof owner === "string" && owner.trim() !== container) continue;
      const fd = sys.unixConnect(`${directory}/socket`);
      if (fd === -Errno.ENOENT || fd === -Errno.ECONNREFUSED) continue;
      const peer = fd < 0 ? 0 : sys.peerUid(fd);
      if (fd >= 0 && (peer === 0 || peer === own)) return new CronClient(sys, fd);
      if (fd >= 0) sys.close(fd);
      reason = fd < 0 ? `${directory}/socket: ${sys.strerror(-fd)}` : `${directory}/socket is user ${peer}'s`;
    }
    return reason;
  }

  private constructor(sys: Sys, fd: number) {
    this.#wire = new ClientWire(sys, fd);
  }

  /** Sends the request and returns the first line of the answer. @throws Unreachable */
  ask(request: CronRequest, body: Bytes = ""): Bytes {
    this.#wire.send(encodeCronRequest(request) + body);
    return this.line(request.verb === "run");
  }

  /** Returns the next line. @param patient whether that may take any time @throws Unreachable */
  line(patient = false): Bytes {
    return this.#wire.line(patient ? -1 : PATIENCE_MS);
  }

  /** Returns the next so many bytes. @throws Unreachable */
  take(bytes: number): Bytes {
    return this.#wire.bytes(bytes, PATIENCE_MS);
  }
}

/** The text behind a word that a line begins with, or `null` when it begins otherwise. */
export function after(line: Bytes, word: Bytes): Bytes | null {
  return line.startsWith(`${word} `) ? line.slice(word.length + 1) : null;
}

import { writeAll } from "../../base/files.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";
import { checkCrontab, installCrontab, readCrontab, refuseUser, removeCrontab } from "../tables/spool.ts";
import { Zones } from "../tables/zones.ts";
import { after, Client, Unreachable } from "./client.ts";

/** What became of a text that was to be installed: nothing wrong, lines that cannot be used, or another reason. */
export type Installed = null | readonly Bytes[] | string;

/** One user's crontab: by way of cron, or directly where root finds no cron. */
export class Access {
  readonly #sys: Sys;
  readonly #user: Bytes;

  constructor(sys: Sys, user: Bytes) {
    this.#sys = sys;
    this.#user = user;
  }

  /** Its text, `null` when there is none, or the reason. @throws {@link Unreachable} */
  get(): Bytes | null | { readonly reason: Bytes } {
    const client = this.#client();
    if (client === null) {
      const text = readCrontab(this.#sys, this.#user);
      if (typeof text === "string") return text;
      return text === -Errno.ENOENT ? null : { reason: `cannot read the crontab: ${this.#sys.strerror(-text)}` };
    }
    const answer = client.ask({ verb: "get", user: this.#user });
    const size = after(answer, "ok");
    if (size !== null) return client.take(Number(size));
    return answer === "none" ? null : { reason: after(answer, "error") ?? answer };
  }

  /** @throws {@link Unreachable} */
  put(text: Bytes): Installed {
    const flaws = flawsOf(this.#sys, text);
    if (flaws !== null) return flaws;
    const client = this.#client();
    if (client === null) return installCrontab(this.#sys, this.#user, text);
    const answer = client.ask({ verb: "put", user: this.#user, bytes: text.length }, text);
    if (answer === "ok") return null;
    const count = after(answer, "flaws");
    return count === null
      ? (after(answer, "error") ?? answer)
      : Array.from({ length: Number(count) }, () => client.line());
  }

  /** `null` when it is gone, `"none"` when there was none, or the reason. @throws {@link Unreachable} */
  remove(): string | null {
    const client = this.#client();
    if (client === null) {
      const result = removeCrontab(this.#sys, this.#user);
      if (result === -Errno.ENOENT) return "none";
      return result === 0 ? null : `cannot remove the crontab: ${this.#sys.strerror(-result)}`;
    }
    const answer = client.ask({ verb: "remove", user: this.#user });
    return answer === "ok" ? null : (after(answer, "error") ?? answer);
  }

  /** A connection for one request; `null` when root is to do it without. */
  #client(): Client | null {
    const client = Client.connect(this.#sys);
    if (typeof client !== "string") return client;
    if (this.#sys.getuid() !== 0) {
      const refused = refuseUser(this.#sys, this.#user);
      throw new Unreachable(refused ?? client);
    }
    return null;
  }
}

/** What is wrong with a text, or `null`. */
export function flawsOf(sys: Sys, text: Bytes): Installed {
  const flaws = checkCrontab(text, new Zones(sys));
  return flaws.length === 0 ? null : flaws;
}

/** Flaws as `FILE:3:7: reason` lines. */
export function listOf(where: Bytes, flaws: readonly Bytes[]): Bytes {
  return flaws.map((flaw) => `${where}:${flaw}\n`).join("");
}

/** Whether the person at the terminal answers yes. */
export function confirm(sys: Sys, question: Bytes): boolean {
  writeAll(sys, 2, `${question} (y/n) `);
  const answer = sys.read(0, 256);
  return typeof answer === "string" && (answer.startsWith("y") || answer.startsWith("Y"));
}

import { MAX_CRONTAB_BYTES } from "../../../lib/cron/files.ts";
import { type CronRequest, encodeJobs, MAX_CRON_REQUEST_BYTES, parseCronRequest } from "../../../lib/cron/protocol.ts";
import { findUser } from "../../../lib/linux/accounts.ts";
import { readFile } from "../base/files.ts";
import type { Loop } from "../base/loop.ts";
import type { Timer } from "../base/timers.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";
import type { Member, Roster } from "./roster.ts";
import type { Follower, Run } from "./runs/run.ts";
import { checkCrontab, installCrontab, readCrontab, refuseUser, removeCrontab } from "./tables/spool.ts";
import type { Zones } from "./tables/zones.ts";

const BACKLOG = 16;
const MAX_CLIENTS = 32;
/** So many may be one user's, unless that is root. */
const MAX_OF_ONE = 4;
/** A client that has not said what it wants, or does not take its answer, is cut off. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 10;
/** A follower who reads too slowly misses lines: the log has them. */
const MAX_UNREAD_BYTES = 1 << 18;
const READ_BYTES = 65_536;

/** What the server serves. */
export interface Served {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly roster: Roster;
  readonly zones: Zones;
  /** The spool has changed. */
  changed(): void;
}

/** Listens for `crontab` and `cron list`; the reason why it cannot, or `null`. Every user may connect: the kernel tells who it is. */
export function serve(served: Served, directory: Bytes): string | null {
  const { sys, loop } = served;
  const path = `${directory}/socket`;
  sys.unlink(path);
  const fd = sys.unixBind(path);
  const result = fd < 0 ? fd : Math.min(0, sys.chmod(path, 0o666), sys.listen(fd, BACKLOG));
  if (result < 0) return `${path}: ${sys.strerror(-result)}`;
  const clients = new Set<Client>();
  loop.watch(fd, () => {
    const connection = sys.accept(fd);
    if (connection < 0) return;
    const uid = sys.peerUid(connection);
    const same = [...clients].filter((client) => client.uid === uid).length;
    if (uid < 0 || clients.size >= MAX_CLIENTS || (uid !== 0 && same >= MAX_OF_ONE)) sys.close(connection);
    else clients.add(new Client(served, connection, uid, (client) => clients.delete(client)));
  });
  return null;
}

/** One connection: one request, its answer, the end. */
class Client implements Follower {
  readonly #served: Served;
  readonly #fd: number;
  readonly uid: number;
  readonly #closed: (client: Client) => void;
  #input = "";
  #unread = "";
  #timer: Timer;
  #ending = false;
  #asked = false;
  #open = true;
  #run: Run | null = null;

  constructor(served: Served, fd: number, uid: number, closed: (client: Client) => void) {
    this.#served = served;
    this.#fd = fd;
    this.uid = uid;
    this.#closed = closed;
    this.#timer = served.loop.after(PATIENCE_MS, () => this.#close());
    served.loop.watch(fd, () => this.#read());
  }

  #read(): void {
    const data = this.#served.sys.read(this.#fd, READ_BYTES);
    if (data === -Errno.EAGAIN || data === -Errno.EINTR) return;
    if (typeof data === "number" || data === "") {
      this.#close();
      return;
    }
    if (this.#asked) return;
    this.#input += data;
    const end = this.#input.indexOf("\n");
    if (end < 0 && this.#input.length < MAX_CRON_REQUEST_BYTES) return;
    const request = end < 0 ? "the request is too long" : parseCronRequest(this.#input.slice(0, end));
    if (typeof request === "string") {
      this.#finish(`error ${request}\n`);
      return;
    }
    const body = this.#input.slice(end + 1);
    const size = request.verb === "put" ? request.bytes : 0;
    if (size > MAX_CRONTAB_BYTES) this.#finish(`error a crontab has ${MAX_CRONTAB_BYTES} bytes at most\n`);
    else if (body.length >= size) {
      this.#asked = true;
      this.#answer(request, body.slice(0, size));
    }
  }

  #answer(request: CronRequest, body: Bytes): void {
    if (request.verb === "list") {
      const name = this.#name();
      const seen = this.#served.roster.status().filter(({ user }) => this.uid === 0 || user === name);
      this.#finish(`ok ${seen.length}\n${encodeJobs(seen)}`);
    } else if (request.verb === "run") this.#start(request.target);
    else this.#finish(this.#spool(request, body));
  }

  /** The name of who asks, `""` without one. */
  #name(): Bytes {
    const passwd = readFile(this.#served.sys, "/etc/passwd");
    return (typeof passwd === "string" ? findUser(passwd, `${this.uid}`)?.name : undefined) ?? "";
  }

  #spool(request: Exclude<CronRequest, { verb: "list" | "run" }>, body: Bytes): Bytes {
    const { sys, zones } = this.#served;
    const { user } = request;
    if (this.uid !== 0 && this.#name() !== user) return `error only root may do that for another user than itself\n`;
    const refused = this.uid === 0 ? null : refuseUser(sys, user);
    if (refused !== null) return `error ${refused}\n`;
    if (request.verb === "get") {
      const text = readCrontab(sys, user);
      if (typeof text === "string") return `ok ${text.length}\n${text}`;
      return text === -Errno.ENOENT ? "none\n" : `error cannot read the crontab: ${sys.strerror(-text)}\n`;
    }
    if (request.verb === "remove") {
      const result = removeCrontab(sys, user);
      if (result === 0) this.#served.changed();
      if (result === -Errno.ENOENT) return "none\n";
      return result === 0 ? "ok\n" : `error cannot remove the crontab: ${sys.strerror(-result)}\n`;
    }
    const flaws = checkCrontab(body, zones);
    if (flaws.length > 0) return `flaws ${flaws.length}\n${flaws.map((flaw) => `${flaw}\n`).join("")}`;
    const problem = installCrontab(sys, user, body);
    if (problem === null) this.#served.changed();
    return problem === null ? "ok\n" : `error ${problem}\n`;
  }

  #start(target: Bytes): void {
    const { roster, loop } = this.#served;
    const found = roster.members.filter(({ job }) => job.name === target || job.origin === target);
    const [member] = found;
    const own = member !== undefined && (this.uid === 0 || member.job.user === this.#name());
    if (member === undefined || !own) {
      this.#finish(`error there is no job "${target}": cron list names them\n`);
      return;
    }
    const [running] = member.runs;
    if (running !== undefined && !member.job.settings.overlap) {
      this.#finish(`error it runs already (pid ${running.record.pid})\n`);
      return;
    }
    loop.cancel(this.#timer);
    const problem = roster.start(member, [this]);
    if (problem === null) this.#run = newest(member);
    else this.#finish(`error ${problem}\n`);
  }

  line(text: Bytes): void {
    if (this.#unread.length + text.length < MAX_UNREAD_BYTES) this.#send(`out ${text}\n`);
  }

  ended(last: { readonly result: Bytes; readonly seconds: number }, status: number): void {
    this.#run = null;
    this.#finish(`end ${status} ${last.result} after ${last.seconds} s\n`);
  }

  #finish(text: Bytes): void {
    this.#asked = true;
    this.#ending = true;
    this.#served.loop.cancel(this.#timer);
    this.#timer = this.#served.loop.after(PATIENCE_MS, () => this.#close());
    this.#send(text);
  }

  #send(text: Bytes): void {
    if (!this.#open) return;
    const waits = this.#unread !== "";
    this.#unread += text;
    if (!waits) this.#flush();
  }

  #flush(): void {
    if (!this.#open) return;
    const { sys, loop } = this.#served;
    while (this.#unread !== "") {
      const written = sys.write(this.#fd, this.#unread);
      if (written === -Errno.EAGAIN) {
        loop.after(RETRY_MS, () => this.#flush());
        return;
      }
      if (written <= 0) {
        this.#close();
        return;
      }
      this.#unread = this.#unread.slice(written);
    }
    if (this.#ending) this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#served.loop.cancel(this.#timer);
    // What it watched goes on without it.
    this.#run?.unfollow(this);
    this.#served.loop.unwatch(this.#fd);
    this.#served.sys.close(this.#fd);
    this.#closed(this);
  }
}

function newest(member: Member): Run | null {
  const runs = [...member.runs];
  return runs[runs.length - 1] ?? null;
}

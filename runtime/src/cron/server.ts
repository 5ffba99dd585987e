import { MAX_CRONTAB_BYTES } from "../../../lib/cron/files.ts";
import { type CronRequest, encodeJobs, MAX_CRON_REQUEST_BYTES, parseCronRequest } from "../../../lib/cron/protocol.ts";
import { findUserOfId } from "../../../lib/linux/accounts.ts";
import { readFile } from "../base/files.ts";
import type { Loop } from "../base/loop.ts";
import { ServerWire } from "../base/wire.ts";
import { type Bytes, Errno, Mode, type Sys } from "../sys.ts";
import type { Member, Roster } from "./roster.ts";
import type { Follower, JobRun } from "./runs/run.ts";
import { checkCrontab, installCrontab, readCrontab, refuseUser, removeCrontab } from "./tables/spool.ts";

const BACKLOG = 16;
/** Connections of all users together, without root's: there is always room for those. */
const MAX_CONNECTIONS = 64;
/** Connections of one user, unless that is root. */
const MAX_OF_ONE = 4;
/** So many clients at a time are answered that there are too many connections. */
const MAX_REFUSED = 16;
/** A client that has not said what it wants, or does not take its answer, is cut off. */
const PATIENCE_MS = 10_000;
/** While no descriptor is left, clients wait for so long. */
const ACCEPT_RETRY_MS = 1000;
/** Lines are dropped for a client that has not read so much: the log has them. */
const MAX_UNREAD_BYTES = 1 << 18;

/** Everything that {@link Server} works with. */
export interface ServerContext {
  readonly sys: Sys;
  readonly loop: Loop;
  readonly roster: Roster;
  /** The spool has changed. */
  changed(): void;
  /** Calls back once the tables are in use as they are now. */
  whenInUse(then: () => void): void;
}

/** Listens for `crontab` and `cron list`. Every user may connect: the kernel names the user. */
export class Server {
  readonly #context: ServerContext;
  readonly #connections = new Set<Connection>();
  #refused = 0;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /**
   * @param resumed the socket on which an earlier incarnation listened, or -1: clients that came meanwhile wait in it
   * @returns the socket, or the reason why there is none
   */
  listen(directory: Bytes, resumed: number): number | string {
    const { sys } = this.#context;
    const path = `${directory}/socket`;
    const stat = sys.lstat(path);
    const isThere = typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Socket;
    if (resumed >= 0 && !isThere) sys.close(resumed);
    const fd = resumed >= 0 && isThere ? resumed : bind(sys, path);
    if (fd < 0) return `${path}: ${sys.strerror(-fd)}`;
    this.#accepting(fd);
    return fd;
  }

  #accepting(fd: number): void {
    const { loop } = this.#context;
    loop.watch(fd, () => {
      if (this.#accept(fd)) return;
      loop.unwatch(fd);
      loop.after(ACCEPT_RETRY_MS, () => this.#accepting(fd));
    });
  }

  /** False while no descriptor is left. */
  #accept(listener: number): boolean {
    const { sys, loop } = this.#context;
    const fd = sys.accept(listener);
    if (fd < 0) return fd === -Errno.EAGAIN || fd === -Errno.EINTR;
    const uid = sys.peerUid(fd);
    const others = [...this.#connections].filter((connection) => connection.uid !== 0);
    const same = others.filter((connection) => connection.uid === uid).length;
    if (uid === 0 || (uid > 0 && others.length < MAX_CONNECTIONS && same < MAX_OF_ONE))
      this.#connections.add(
        new Connection(this.#context, fd, uid, (connection) => this.#connections.delete(connection)),
      );
    else if (this.#refused >= MAX_REFUSED) sys.close(fd);
    else {
      this.#refused++;
      const events = { received: () => undefined, closed: () => this.#refused-- };
      new ServerWire(sys, loop, fd, PATIENCE_MS, events).finish("error too many connections\n", PATIENCE_MS);
    }
    return true;
  }
}

function bind(sys: Sys, path: Bytes): number {
  sys.unlink(path);
  const fd = sys.unixBind(path);
  const result = fd < 0 ? fd : Math.min(0, sys.chmod(path, 0o666), sys.listen(fd, BACKLOG));
  if (result === 0) return fd;
  if (fd >= 0) sys.close(fd);
  return result;
}

/** One connection: one request, its answer, the end. */
class Connection implements Follower {
  readonly #context: ServerContext;
  readonly #wire: ServerWire;
  readonly uid: number;
  #run: JobRun | null = null;
  #isAsked = false;
  #isClosed = false;

  constructor(context: ServerContext, fd: number, uid: number, closed: (connection: Connection) => void) {
    this.#context = context;
    this.uid = uid;
    this.#wire = new ServerWire(context.sys, context.loop, fd, PATIENCE_MS, {
      received: () => this.#received(),
      closed: () => {
        // The run that it followed goes on without it.
        this.#isClosed = true;
        this.#run?.unfollow(this);
        closed(this);
      },
    });
  }

  #received(): void {
    const { input } = this.#wire;
    if (this.#isAsked) {
      this.#wire.input = "";
      return;
    }
    const end = input.indexOf("\n");
    if (end < 0 && input.length < MAX_CRON_REQUEST_BYTES) return;
    const request = end < 0 ? "the request is too long" : parseCronRequest(input.slice(0, end));
    if (typeof request === "string") {
      this.#finish(`error ${request}\n`);
      return;
    }
    const body = input.slice(end + 1);
    const size = request.verb === "put" ? request.bytes : 0;
    if (size > MAX_CRONTAB_BYTES) this.#finish(`error a crontab has ${MAX_CRONTAB_BYTES} bytes at most\n`);
    else if (body.length >= size) {
      this.#isAsked = true;
      this.#answer(request, body.slice(0, size));
    }
  }

  #answer(request: CronRequest, body: Bytes): void {
    if (request.verb === "list") {
      const seen = this.#context.roster.status(this.uid === 0 ? null : this.#name());
      this.#finish(`ok ${seen.length}\n${encodeJobs(seen)}`);
    } else if (request.verb === "run") {
      this.#wire.keep();
      this.#context.whenInUse(() => {
        if (!this.#isClosed) this.#start(request.target);
      });
    } else this.#finish(this.#spool(request, body));
  }

  /** Returns the name of the client's user, `""` without one. */
  #name(): Bytes {
    const passwd = readFile(this.#context.sys, "/etc/passwd");
    return (typeof passwd === "string" ? findUserOfId(passwd, this.uid)?.name : undefined) ?? "";
  }

  #spool(request: Exclude<CronRequest, { verb: "list" | "run" }>, body: Bytes): Bytes {
    const { sys } = this.#context;
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
      if (result === 0) this.#context.changed();
      if (result === -Errno.ENOENT) return "none\n";
      return result === 0 ? "ok\n" : `error cannot remove the crontab: ${sys.strerror(-result)}\n`;
    }
    const flaws = checkCrontab(sys, body, user);
    if (flaws.length > 0) return `flaws ${flaws.length}\n${flaws.map((flaw) => `${flaw}\n`).join("")}`;
    const problem = installCrontab(sys, user, body);
    if (problem === null) this.#context.changed();
    return problem === null ? "ok\n" : `error ${problem}\n`;
  }

  #start(target: Bytes): void {
    const { roster } = this.#context;
    const member = this.#find(target);
    if (member === undefined) {
      this.#finish(`error there is no job "${target}": cron list names them\n`);
      return;
    }
    const [running] = member.runs;
    if (running !== undefined && !member.job.settings.overlap) {
      this.#finish(`error it runs already (pid ${running.record.pid})\n`);
      return;
    }
    const problem = roster.start(member, [this]);
    if (problem === null) this.#run = newest(member);
    else this.#finish(`error ${problem}\n`);
  }

  /** Finds a job by its name or its place; users find their own only, without their name in front too. */
  #find(target: Bytes): Member | undefined {
    const user = this.uid === 0 ? null : this.#name();
    const members = this.#context.roster.members.filter(({ job }) => user === null || job.user === user);
    return (
      members.find(({ job }) => job.name === target) ??
      members.find(({ job }) => job.origin === target || job.name === `${user}/${target}`)
    );
  }

  line(text: Bytes): void {
    if (this.#wire.unsentBytes + text.length < MAX_UNREAD_BYTES) this.#wire.send(`out ${text}\n`);
  }

  ended(last: { readonly result: Bytes; readonly seconds: number }, status: number): void {
    this.#run = null;
    this.#finish(`end ${status} ${last.result} after ${last.seconds} s\n`);
  }

  #finish(text: Bytes): void {
    this.#isAsked = true;
    this.#wire.finish(text, PATIENCE_MS);
  }
}

function newest({ runs }: Member): JobRun | null {
  let last: JobRun | null = null;
  for (const run of runs) last = run;
  return last;
}

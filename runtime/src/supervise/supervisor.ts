import type { ProcessStatus, ServiceStatus } from "../../../lib/control/protocol.ts";
import { Journal } from "../base/journal.ts";
import { type Bytes, Errno, Mode } from "../sys.ts";
import type { Context } from "./context.ts";
import { Service, type ServiceRecord } from "./service.ts";
import { SETTLE_MS, type Supervised } from "./supervised.ts";
import { livePid } from "./transition.ts";

/** Keeps the services of one directory as their directories and their operators want them. */
export class Supervisor {
  readonly #context: Context;
  readonly #services = new Map<Bytes, Service>();
  readonly #refused = new Set<Bytes>();
  readonly #listeners = new Set<(service: Service) => void>();
  #watches: readonly number[] = [];
  #rescanPending = false;
  #ending = false;

  /** @param records what an earlier incarnation left in the journal, by slot; its processes are taken over */
  constructor(context: Context, records: ReadonlyMap<number, ServiceRecord>) {
    this.#context = context;
    for (const [slot, record] of records) {
      for (const process of this.#add(record.name, record.ino, slot, record).processes()) process.missGone();
    }
  }

  /** Starts every service that is normally up, and from now on follows the directory. */
  start(): void {
    this.#watchDirectory();
    this.rescan();
  }

  /** Compares the directory with what is supervised: starts what is new, ends what is gone or was replaced. */
  rescan(): void {
    if (this.#ending) return;
    const { sys, directory, messages } = this.#context;
    const names = sys.readdir(directory);
    if (typeof names === "number") {
      // An image without services has no such directory, and that is all right.
      if (names !== -Errno.ENOENT) messages.warn(`cannot read ${directory}: ${sys.strerror(-names)}`);
      if (names !== -Errno.ENOENT && names !== -Errno.ENOTDIR) return;
    }
    const found = new Map<Bytes, number>();
    for (const name of typeof names === "number" ? [] : names.sort()) {
      const ino = this.#inodeOf(name);
      if (ino !== null) found.set(name, ino);
    }
    for (const service of this.#services.values()) {
      if (found.get(service.name) !== service.ino && !service.ending) service.end();
    }
    for (const [name, ino] of found) {
      if (!this.#services.has(name)) this.#add(name, ino, this.#context.journal.allocate(), null)?.boot();
    }
  }

  /** Names of all services, sorted. */
  names(): Bytes[] {
    return [...this.#services.keys()].sort();
  }

  /** The process that `NAME`, `NAME/log` or the path of one of their directories means; `null` when there is none. */
  find(target: Bytes): { service: Service; process: Supervised } | null {
    const { sys, directory } = this.#context;
    let name = trimSlashes(target);
    if (name.startsWith(`${directory}/`)) name = name.slice(directory.length + 1);
    const found = this.#lookUp(name);
    if (found !== null || !name.startsWith("/")) return found;
    const real = sys.realpath(name);
    if (typeof real === "number") return null;
    for (const service of this.#services.values()) {
      for (const process of service.processes()) if (sys.realpath(process.path) === real) return { service, process };
    }
    return null;
  }

  statusOf({ service, process }: { service: Service; process: Supervised }): ServiceStatus {
    const log = process === service.main ? service.log : null;
    return {
      serial: service.serial,
      ...this.#processStatus(service, process),
      log: log === null ? null : this.#processStatus(service, log),
      dir: process.path,
    };
  }

  /** Calls `listener` after every change of any service until {@link unlisten}. */
  listen(listener: (service: Service) => void): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: (service: Service) => void): void {
    this.#listeners.delete(listener);
  }

  /**
   * Ends all services at once, their logs after them. `mains` resolves when no `run` lives, `all` when no log does either;
   * `ended` is told each service as its `run` (and `finish`) is done.
   */
  end(ended: (name: Bytes) => void): { mains: Promise<void>; all: Promise<void> } {
    this.#ending = true;
    const running = new Set(this.#services.values());
    const mains = this.#until((service) => {
      if (service?.main.state.kind === "down" && running.delete(service)) ended(service.name);
      return running.size === 0;
    });
    const all = this.#until(() => this.#services.size === 0);
    for (const service of [...running]) service.end();
    return { mains, all };
  }

  /** Sends KILL to what still lives and returns its names. */
  kill(): Bytes[] {
    return [...this.#services.values()].filter((service) => service.kill()).map(({ name }) => name);
  }

  /** Resolves at once or after the first change with which `reached` holds. */
  #until(reached: (changed: Service | null) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const listener = (service: Service) => {
        if (!reached(service)) return;
        this.unlisten(listener);
        resolve();
      };
      if (reached(null)) resolve();
      else this.listen(listener);
    });
  }

  #add(name: Bytes, ino: number, slot: number, resumed: ServiceRecord | null): Service {
    const service = new Service(this.#context, name, ino, slot, resumed, (changed) => this.#changed(changed));
    this.#services.set(name, service);
    return service;
  }

  #changed(service: Service): void {
    const gone = service.ended && this.#services.get(service.name) === service;
    if (gone) {
      this.#services.delete(service.name);
      service.forget();
      // The directory may hold another service of this name by now.
      this.#rescanSoon(0);
    }
    for (const listener of this.#listeners) listener(service);
  }

  #lookUp(name: Bytes): { service: Service; process: Supervised } | null {
    const at = name.indexOf("/");
    const service = this.#services.get(at < 0 ? name : name.slice(0, at));
    if (service === undefined) return null;
    if (at < 0) return { service, process: service.main };
    return name.slice(at) === "/log" && service.log !== null ? { service, process: service.log } : null;
  }

  #processStatus(service: Service, process: Supervised): ProcessStatus {
    const { state } = process;
    return {
      state: state.kind === "up" ? "run" : state.kind === "finish" ? "finish" : "down",
      pid: livePid(state),
      seconds: Math.max(0, Math.floor((this.#context.loop.now() - state.since) / 1000)),
      normally: service.normallyUp(process) ? "up" : "down",
      want: state.want,
      paused: state.kind === "up" && state.paused,
      term: state.kind === "up" && state.gotTerm,
    };
  }

  /** The inode of a service's directory; `null` when the entry is none, or cannot be one, which is said once. */
  #inodeOf(name: Bytes): number | null {
    if (name.startsWith(".")) return null;
    const { sys, directory } = this.#context;
    const path = `${directory}/${name}`;
    const stat = sys.stat(path);
    if (stat === -Errno.ENOENT) return this.#refuse(name, `${path} is a link to nothing, so it is no service`);
    if (typeof stat === "number") return this.#refuse(name, `cannot look at ${path}: ${sys.strerror(-stat)}`);
    if ((stat.mode & Mode.TypeMask) !== Mode.Directory)
      return this.#refuse(name, `${path} is no directory, so it is no service`);
    if (!Journal.fits(name)) return this.#refuse(name, `cannot supervise ${path}: its name is too long`);
    for (let i = 0; i < name.length; i++) {
      if (name.charCodeAt(i) < 0x20)
        return this.#refuse(name, `cannot supervise ${path}: its name holds a control character`);
    }
    return stat.ino;
  }

  #refuse(name: Bytes, reason: string): null {
    if (!this.#refused.has(name)) this.#context.messages.warn(reason);
    this.#refused.add(name);
    return null;
  }

  #rescanSoon(delayMs: number): void {
    if (this.#rescanPending || this.#ending) return;
    this.#rescanPending = true;
    this.#context.loop.after(delayMs, () => {
      this.#rescanPending = false;
      // It may be another directory by now. Watched first, read then: no change falls between.
      this.#watchDirectory();
      this.rescan();
    });
  }

  /** Follows the directory, and the one above, in which it may come, go or be replaced. */
  #watchDirectory(): void {
    const { loop, directory, sys, messages } = this.#context;
    const parent = directory.slice(0, directory.lastIndexOf("/")) || "/";
    for (const watch of this.#watches) loop.unwatchDirectory(watch);
    this.#watches = [directory, parent].map((path) => loop.watchDirectory(path, () => this.#rescanSoon(SETTLE_MS)));
    const errno = -Math.max(...this.#watches);
    if (errno > 0) {
      messages.warn(`cannot watch ${directory}: ${sys.strerror(errno)}; new services are noticed when PID 1 gets HUP`);
    }
  }
}

function trimSlashes(path: Bytes): Bytes {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

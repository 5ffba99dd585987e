import type { ProcessStatus, ServiceStatus } from "../../../lib/control/protocol.ts";
import { isUnreachable } from "../base/signalling.ts";
import { type Bytes, Errno, Mode } from "../sys.ts";
import type { Context } from "./context.ts";
import { Service, type ServiceRecord } from "./service.ts";
import { SETTLE_MS, type ServiceProcess } from "./service-process.ts";
import { livePid } from "./transition.ts";

/** Delays between looks at a directory that cannot be read; they double. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

/** Keeps the services of one directory as their directories and their operators want them. */
export class Supervisor {
  readonly #context: Context;
  readonly #services = new Map<Bytes, Service>();
  readonly #refused = new Set<Bytes>();
  readonly #listeners = new Set<(service: Service) => void>();
  #watches: readonly number[] = [];
  #retryMs = FIRST_RETRY_MS;
  #retrying = false;
  #rescanPending = false;
  #ending = false;

  /** @param records the services of the previous incarnation, by their slot in the journal */
  constructor(context: Context, records: ReadonlyMap<number, ServiceRecord>) {
    this.#context = context;
    for (const [slot, record] of records) this.#add(record.name, record.ino, slot, record);
  }

  /** Takes over the processes of the previous incarnation. */
  takeOver(): void {
    for (const service of [...this.#services.values()]) for (const process of service.processes()) process.takeOver();
  }

  /** Starts every service that is normally up, and from now on follows the directory. */
  start(): void {
    for (const service of this.#services.values()) service.boot();
    this.#watchDirectory();
    this.rescan();
  }

  /** Starts no service from now on. */
  close(): void {
    this.#ending = true;
  }

  /** Compares the directory with what is supervised: starts what is new, ends what is gone or was replaced. */
  rescan(): void {
    if (this.#ending) return;
    const names = this.#namesThere();
    if (names === null) {
      this.#retry();
      return;
    }
    const found = new Map<Bytes, number | null>();
    for (const name of names.sort()) {
      const look = this.#look(name);
      if (look !== "none") found.set(name, look === "unknown" ? null : look);
    }
    for (const service of this.#services.values()) {
      const ino = found.get(service.name);
      if (ino !== null && ino !== service.ino && !service.ending) service.end();
    }
    for (const [name, ino] of found) {
      if (ino !== null && !this.#services.has(name))
        this.#add(name, ino, this.#context.journal.allocate(), null).boot();
    }
    if ([...found.values()].includes(null)) this.#retry();
    else this.#retryMs = FIRST_RETRY_MS;
  }

  /** Lists the directory; `null` when it cannot be read now. An image without services has none, and that is all right. */
  #namesThere(): Bytes[] | null {
    const { sys, directory } = this.#context;
    const names = sys.readdir(directory);
    if (typeof names !== "number") return names;
    if (names !== -Errno.ENOENT) this.#refuse("", `cannot read ${directory}: ${sys.strerror(-names)}`);
    return isGone(names) ? [] : null;
  }

  /** Scans again after an error that may pass; nobody reports its end. */
  #retry(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    this.#context.loop.after(this.#retryMs, () => {
      this.#retrying = false;
      this.rescan();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  /** Returns the names of all services, sorted. */
  names(): Bytes[] {
    return [...this.#services.keys()].sort();
  }

  /** Finds the process of `NAME`, `NAME/log` or the path of one of their directories; `null` when there is none. */
  find(target: Bytes): { service: Service; process: ServiceProcess } | null {
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

  /** Returns the user id that a service's directory belongs to, or -1 when that cannot be seen. */
  ownerOf(name: Bytes): number {
    const { sys, directory } = this.#context;
    const stat = sys.stat(`${directory}/${name}`);
    return typeof stat === "number" ? -1 : stat.uid;
  }

  statusOf({ service, process }: { service: Service; process: ServiceProcess }): ServiceStatus {
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
   * Ends all services at once, their logs after them. `mains` resolves when no `run` lives, `all` when no log does either; services that
   * may not be sent signals are not waited for. `ended` is called with each service as its `run` (and `finish`) is done.
   */
  end(ended: (name: Bytes) => void): { mains: Promise<void>; all: Promise<void> } {
    this.#ending = true;
    const running = new Set(this.#services.values());
    const mains = this.#until((service) => {
      if (service?.main.state.kind === "down" && running.delete(service)) ended(service.name);
      return this.#leftAlone(running);
    });
    const all = this.#until(() => this.#leftAlone(this.#services.values()));
    for (const service of [...running]) service.end();
    return { mains, all };
  }

  /** Names of the services that run and may not be sent signals. */
  unreachable(): Bytes[] {
    const living = [...this.#services.values()];
    return living.filter((service) => this.#leftAlone([service])).map(({ name }) => name);
  }

  /** Whether none of these lives, or only such as may not be sent signals. */
  #leftAlone(services: Iterable<Service>): boolean {
    for (const { main } of services) if (!isUnreachable(this.#context.sys, livePid(main.state))) return false;
    return true;
  }

  /** Sends TERM to each `finish` that still runs and returns the services' names. */
  hurry(): Bytes[] {
    return [...this.#services.values()].filter((service) => service.hurry()).map(({ name }) => name);
  }

  /** Returns the names of services with a live process. */
  living(): Bytes[] {
    const live = (service: Service) => service.processes().some(({ state }) => livePid(state) > 0);
    return [...this.#services.values()].filter(live).map(({ name }) => name);
  }

  /** Sends KILL to all that still live. */
  kill(): void {
    for (const service of this.#services.values()) service.kill();
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

  #lookUp(name: Bytes): { service: Service; process: ServiceProcess } | null {
    const at = name.indexOf("/");
    const service = this.#services.get(at < 0 ? name : name.slice(0, at));
    if (service === undefined) return null;
    if (at < 0) return { service, process: service.main };
    return name.slice(at) === "/log" && service.log !== null ? { service, process: service.log } : null;
  }

  #processStatus(service: Service, process: ServiceProcess): ProcessStatus {
    const { state } = process;
    return {
      state: state.kind === "up" ? "run" : state.kind === "finish" ? "finish" : "down",
      pid: state.kind === "preparing" ? 0 : livePid(state),
      seconds: Math.max(0, Math.floor((this.#context.loop.now() - state.since) / 1000)),
      normally: service.normallyUp(process) ? "up" : "down",
      want: state.want,
      paused: state.kind === "up" && state.paused,
      term: state.kind === "up" && state.gotTerm,
    };
  }

  /**
   * Returns the inode of a service's directory; `none` when the entry is not one or cannot be one (with a warning, once), `unknown` when
   * that cannot be seen now: an error of a network file system does not end a service.
   */
  #look(name: Bytes): number | "none" | "unknown" {
    if (name.startsWith(".")) return "none";
    const { sys, directory } = this.#context;
    const path = `${directory}/${name}`;
    const stat = sys.stat(path);
    if (stat === -Errno.ENOENT) return this.#refuse(name, `${path} is a link to nothing, so it is no service`);
    if (typeof stat === "number") {
      this.#refuse(name, `cannot look at ${path}: ${sys.strerror(-stat)}`);
      return isGone(stat) ? "none" : "unknown";
    }
    if ((stat.mode & Mode.TypeMask) !== Mode.Directory)
      return this.#refuse(name, `${path} is no directory, so it is no service`);
    for (let i = 0; i < name.length; i++) {
      if (name.charCodeAt(i) < 0x20)
        return this.#refuse(name, `cannot supervise ${path}: its name holds a control character`);
    }
    return stat.ino;
  }

  #refuse(name: Bytes, reason: string): "none" {
    if (!this.#refused.has(name)) this.#context.messages.warn(reason);
    this.#refused.add(name);
    return "none";
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

function isGone(result: number): boolean {
  return result === -Errno.ENOENT || result === -Errno.ENOTDIR;
}

function trimSlashes(path: Bytes): Bytes {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

import { Signal } from "../../../lib/linux/signals.ts";
import { isDirectory } from "../base/files.ts";
import { outputPipe } from "../base/output-pipe.ts";
import { send } from "../base/signalling.ts";
import type { Bytes } from "../sys.ts";
import type { Context } from "./context.ts";
import { type Owner, type PendingSignal, ServiceProcess } from "./service-process.ts";
import { stateText } from "./state-text.ts";
import { livePid, type State } from "./transition.ts";

/** The journal's record of a service; {@link Service.note} writes it. */
export interface ServiceRecord {
  readonly name: Bytes;
  readonly ino: number;
  /** What no `down` file holds back was started. */
  readonly booted: boolean;
  readonly main: State;
  readonly log: State | null;
  readonly pipe: readonly [number, number] | null;
  /** Signals that are still to be sent to the service and to its log. */
  readonly pending: readonly [readonly PendingSignal[], readonly PendingSignal[]];
}

/**
 * One directory of `/etc/service`: its process, and that of its log behind a pipe whose two ends the init holds, so that nothing is
 * lost when either side ends.
 */
export class Service implements Owner {
  readonly #context: Context;
  readonly #changed: (service: Service) => void;
  readonly #slot: number;
  readonly name: Bytes;
  /** Inode of the directory: another one under the same name is another service. */
  readonly ino: number;
  readonly main: ServiceProcess;
  readonly log: ServiceProcess | null;
  #booted: boolean;
  #pipe: readonly [number, number] | null = null;
  #draining = false;
  /** Grows with every change, so that a client can wait for the next. */
  serial = 0;
  /** The service is to end for good: the container stops, or its directory is gone. */
  ending = false;

  /**
   * @param slot its place in the journal
   * @param resumed the record that the previous incarnation left there, or `null`
   * @param changed runs after every change of state
   */
  constructor(
    context: Context,
    name: Bytes,
    ino: number,
    slot: number,
    resumed: ServiceRecord | null,
    changed: (service: Service) => void,
  ) {
    this.#context = context;
    this.#changed = changed;
    this.#slot = slot;
    this.name = name;
    this.ino = ino;
    this.#booted = resumed?.booted ?? false;
    const hasLog =
      resumed === null ? isDirectory(context.sys, `${context.directory}/${name}/log`) : resumed.log !== null;
    this.#pipe = hasLog ? (resumed?.pipe ?? this.#openPipe()) : context.output.capture(name, resumed?.pipe ?? null);
    this.main = new ServiceProcess(context, this, name, false, resumed?.main ?? null, resumed?.pending[0] ?? []);
    this.log = hasLog
      ? new ServiceProcess(context, this, name, true, resumed?.log ?? null, resumed?.pending[1] ?? [])
      : null;
  }

  /** Starts the service and its log unless a `down` file holds them back; once in a life. */
  boot(): void {
    if (this.#booted) return;
    if (this.log !== null && this.normallyUp(this.log)) this.log.dispatch({ kind: "up" });
    this.#booted = true;
    if (this.normallyUp(this.main)) this.main.dispatch({ kind: "up" });
    else this.note();
  }

  normallyUp(process: ServiceProcess): boolean {
    return typeof this.#context.sys.stat(`${process.path}/down`) === "number";
  }

  /** Ends the process with TERM; the log follows once its input has ended. */
  end(): void {
    this.ending = true;
    const { state } = this.main;
    if (state.kind === "down") this.changed();
    // It has TERM already, from an operator or from before a crash of the init: a handler that runs must not be run twice.
    else if (state.kind !== "up" || state.want === "up" || !state.gotTerm)
      this.main.dispatch({ kind: "down", letter: "x" });
  }

  /** Sends TERM to a `finish` that runs; returns whether one does. */
  hurry(): boolean {
    const { state } = this.main;
    if (state.kind !== "finish") return false;
    for (const signal of [Signal.TERM, Signal.CONT]) send(this.#context, state.pid, signal);
    return true;
  }

  /** Sends KILL to its processes. */
  kill(): void {
    for (const { state } of this.processes()) if (livePid(state) > 0) send(this.#context, livePid(state), Signal.KILL);
  }

  /** Whether no process of it runs and none will. */
  get ended(): boolean {
    return this.ending && this.processes().every(({ state }) => state.kind === "down");
  }

  processes(): ServiceProcess[] {
    return this.log === null ? [this.main] : [this.main, this.log];
  }

  /** Releases its slot in the journal and its pipe. */
  forget(): void {
    this.#closePipe();
    this.#context.journal.release(this.#slot);
  }

  changed(): void {
    this.serial++;
    if (this.ending && this.main.state.kind === "down" && !this.#draining) {
      // Draining comes back here. The pipe is open until then: the log may have to start once more for what is in it.
      this.#draining = true;
      this.log?.dispatch({ kind: "drain" });
      this.#closePipe();
    }
    this.note();
    this.#changed(this);
  }

  stdioOf(process: ServiceProcess): [number, number, number] {
    if (process === this.log) return [this.#pipe?.[0] ?? -1, 1, 2];
    const end = this.#pipe?.[1];
    // What our own daemon captures is all that the service says; a log of its own gets stdout, as runit has it.
    return [-1, end ?? 1, this.log === null ? (end ?? 2) : 2];
  }

  #openPipe(): readonly [number, number] | null {
    const pipe = outputPipe(this.#context.sys);
    if (typeof pipe !== "number") return pipe;
    this.#context.messages.warn(
      `cannot make a pipe from service ${this.name} to its log: ${this.#context.sys.strerror(-pipe)}; its output goes to the container's`,
    );
    return null;
  }

  #closePipe(): void {
    if (this.log === null) this.#context.output.release(this.name);
    else for (const fd of this.#pipe ?? []) this.#context.sys.close(fd);
    this.#pipe = null;
  }

  note(): void {
    const { main, log } = this;
    const pipe = this.#pipe === null ? "null" : `[${this.#pipe[0]},${this.#pipe[1]}]`;
    this.#context.journal.write(
      this.#slot,
      `{"name":${JSON.stringify(this.name)},"ino":${this.ino},"booted":${this.#booted},"main":${stateText(main.state)},"log":${log === null ? "null" : stateText(log.state)},"pipe":${pipe},"pending":[${signals(main)},${log === null ? "[]" : signals(log)}]}`,
    );
  }
}

function signals({ pending }: ServiceProcess): Bytes {
  return pending.length === 0 ? "[]" : JSON.stringify(pending);
}

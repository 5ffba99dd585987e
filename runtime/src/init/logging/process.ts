import { Signal, signalName } from "../../../../lib/linux/signals.ts";
import { exitCode, exitSignal, type WaitStatus } from "../../../../lib/linux/wait-status.ts";
import type { Children, Parent } from "../../base/children.ts";
import { readFile } from "../../base/files.ts";
import type { Journal } from "../../base/journal.ts";
import type { Loop } from "../../base/loop.ts";
import type { Messages } from "../../base/messages.ts";
import { reasonOf, spawn } from "../../base/programs.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";

/** The name of the daemon's start in the journal. */
const INTENT = "log daemon";
/** A daemon that lived this long is started again at once, one that dies sooner after a delay that doubles. */
const SOUND_MS = 100;
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 5000;
/** So many early deaths in a row, 10 s of them, and nobody waits any more for a daemon that works. */
const MAX_EARLY_DEATHS = 11;
/** Deaths, and stops, are reported at most once in this time. */
const TELL_EVERY_MS = 10_000;
/** A daemon that stands still this long after a child has changed its state is told to go on. */
const STILL_MS = 1000;

/** What the daemon works for, and what becomes of that. */
export interface Inputs {
  /** Whether there is anything to read. */
  readonly any: boolean;
  /** Whether something has to be read to its end before it is closed. */
  readonly pending: boolean;
  /** Arguments, environment and descriptors of a daemon that starts now. */
  program(): { argv: readonly Bytes[]; env: Bytes; stdio: readonly number[] };
  /** The running daemon is told to hand over, after it has read to their end the inputs that are pending now. */
  drain(): void;
  /** It has done so. */
  drained(): void;
  /** No daemon stays alive: nobody reads. */
  unread(): void;
  /** A daemon stays alive again after {@link unread}. */
  readAgain(): void;
}

/** The daemon's process: starts it, starts it again when it dies, and has it go on when somebody has stopped it. */
export class DaemonProcess implements Parent {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #messages: Messages;
  readonly #journal: Journal;
  readonly #inputs: Inputs;
  readonly #noted: (pid: number) => void;
  /** 0 while there is none. */
  pid: number;
  #startedAt = 0;
  #delayMs = 0;
  #earlyDeaths = 0;
  #deaths = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #toldStillAt = Number.NEGATIVE_INFINITY;
  #looking = false;
  #handoverPending = false;
  /** Set while the daemon is to end for good. */
  #ended: (() => void) | null = null;
  /** Nobody wonders at a daemon that is killed with all others. */
  quiet = false;

  /**
   * @param pid of the daemon that an earlier incarnation started, or 0
   * @param noted called with each new pid, 0 for none
   */
  constructor(
    parts: { sys: Sys; loop: Loop; children: Children; messages: Messages; journal: Journal },
    inputs: Inputs,
    pid: number,
    noted: (pid: number) => void,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#children = parts.children;
    this.#messages = parts.messages;
    this.#journal = parts.journal;
    this.#inputs = inputs;
    this.pid = pid;
    this.#noted = noted;
  }

  /** Takes over the daemon of an earlier incarnation, or starts one. */
  begin(): void {
    this.#startedAt = this.#loop.now();
    const { intent, pid } = this.#journal.last.started;
    if (this.pid === 0 && intent === INTENT && pid > 0) this.#become(pid);
    if (this.pid === 0) this.#start();
    else {
      this.#children.adopt(this.pid, this);
      this.childChanged();
    }
  }

  /** Has the daemon replaced by one with the inputs and variables of now; nothing is lost by that. */
  handOver(): void {
    if (this.#handoverPending) return;
    this.#handoverPending = true;
    this.#loop.after(0, () => {
      this.#handoverPending = false;
      if (this.pid > 0) this.#replace();
      else this.#start();
    });
  }

  /** Lets the daemon write what it has, and end. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
      if (this.pid === 0) resolve();
      else this.#tellToEnd();
    });
  }

  /**
   * A child has ended or was stopped (SIGCHLD does not say which): looks in a while whether the daemon stands still. Its senders would wait
   * for it without an end.
   * @see proc_pid_stat(5)
   */
  childChanged(): void {
    if (this.#looking || this.pid === 0) return;
    this.#looking = true;
    this.#loop.after(STILL_MS, () => {
      this.#looking = false;
      const stat = this.pid > 0 ? readFile(this.#sys, `/proc/${this.pid}/stat`, 4096) : "";
      // A debugger's stop is `t`.
      if (typeof stat !== "string" || !stat.slice(stat.lastIndexOf(")")).startsWith(") T ")) return;
      this.#sys.kill(this.pid, Signal.CONT);
      if (this.#loop.now() - this.#toldStillAt < TELL_EVERY_MS) return;
      this.#toldStillAt = this.#loop.now();
      this.#messages.warn(
        "the log daemon was stopped by SIGSTOP: it was told to go on, for every program that logs would wait for it",
      );
    });
  }

  /** @see Parent */
  exited(pid: number, status: WaitStatus): void {
    if (pid !== this.pid) return;
    this.#become(0);
    if (status !== 0) this.#died(status);
    else if (this.#ended !== null) this.#ended();
    else {
      this.#inputs.drained();
      this.#start();
    }
  }

  #become(pid: number): void {
    this.pid = pid;
    this.#noted(pid);
  }

  #died(status: WaitStatus): void {
    const now = this.#loop.now();
    const sound = now - this.#startedAt >= SOUND_MS;
    this.#delayMs = sound ? 0 : this.#longerDelay();
    this.#earlyDeaths = sound ? 0 : this.#earlyDeaths + 1;
    this.#deaths++;
    if (!this.quiet && now - this.#toldAt >= TELL_EVERY_MS) {
      const signal = exitSignal(status);
      const how = signal > 0 ? `was killed by ${signalName(signal)}` : `exited with status ${exitCode(status)}`;
      const times = this.#deaths > 1 ? ` (${this.#deaths} times since this was last said)` : "";
      this.#messages.warn(`the log daemon ${how}${times}; starting it again, messages wait meanwhile`);
      this.#toldAt = now;
      this.#deaths = 0;
    }
    if (this.#earlyDeaths === MAX_EARLY_DEATHS) this.#inputs.unread();
    if (this.#delayMs === 0) this.#start();
    else this.#loop.after(this.#delayMs, () => this.#start());
  }

  #longerDelay(): number {
    return Math.min(MAX_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * this.#delayMs));
  }

  #start(): void {
    if (this.pid > 0) return;
    if (!this.#inputs.any) {
      this.#ended?.();
      return;
    }
    const { argv, env, stdio } = this.#inputs.program();
    // What is sent to it at once must not end it before it listens.
    const flags = SpawnFlag.Session | SpawnFlag.Blocked;
    this.#journal.intend(INTENT);
    const pid = spawn(this.#sys, { path: "/proc/self/exe", argv: ["logd", ...argv], env, stdio, flags });
    this.#startedAt = this.#loop.now();
    if (pid > 0) {
      this.#become(pid);
      this.#children.add(pid, this);
      // Told to end, or to hand over, while there was none.
      if (this.#ended !== null) this.#tellToEnd();
      else if (this.#inputs.pending) this.#replace();
      if (this.#earlyDeaths >= MAX_EARLY_DEATHS) this.#loop.after(SOUND_MS, () => this.#soundAgain(pid));
      return;
    }
    this.#delayMs = this.#longerDelay();
    if (this.#delayMs === MAX_DELAY_MS || this.#delayMs === FIRST_DELAY_MS)
      this.#messages.warn(`cannot start the log daemon: ${reasonOf(this.#sys, -pid)}; messages wait until it can be`);
    this.#loop.after(this.#delayMs, () => this.#start());
  }

  #soundAgain(pid: number): void {
    if (this.pid !== pid || this.#earlyDeaths < MAX_EARLY_DEATHS) return;
    this.#earlyDeaths = 0;
    this.#inputs.readAgain();
  }

  #replace(): void {
    this.#inputs.drain();
    this.#sys.kill(this.pid, Signal.USR1);
  }

  #tellToEnd(): void {
    this.#sys.kill(this.pid, Signal.USR2);
    // Somebody may have stopped it.
    this.#sys.kill(this.pid, Signal.CONT);
  }
}

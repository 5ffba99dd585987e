import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawnAsShell } from "../base/programs.ts";
import { SpawnFlag } from "../sys.ts";
import { advance, type Core } from "./core.ts";

const SIGHUP = 1;
const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
const FIRST_REALTIME = 32;
/** HUP, QUIT, USR1, USR2, ALRM, CONT, WINCH: signals that a main command may want; the others have no meaning for it. */
const FORWARDED: readonly number[] = [1, 3, 10, 12, 14, 18, 28];
const HOOKS = "/etc/my_init.signal.d";

/** Acts on the signals that this process receives. */
export class Signals {
  readonly #core: Core;
  readonly #hooks = new Set<number>();

  constructor(core: Core) {
    this.#core = core;
  }

  handle(signal: number): void {
    if (signal === SIGCHLD) {
      this.#core.children.reap();
      this.#core.log.childEnded();
    } else if (this.#stops(signal)) this.#stop(signal);
    else if ((FORWARDED.includes(signal) || signal >= FIRST_REALTIME) && !this.#runHook(signal)) this.#forward(signal);
  }

  #stops(signal: number): boolean {
    const { options, settings } = this.#core;
    const chosen = signal === settings.stopSignal || options.stopSignals.includes(signal);
    return signal === SIGTERM || signal === SIGINT || chosen;
  }

  /** Obeys a stop signal that the previous incarnation read and could not write down before its crash. */
  takeOver(): void {
    const { signal } = this.#core.journal.last;
    if (signal > 0 && this.#core.stop.count === 0 && this.#stops(signal)) this.#stop(signal);
  }

  /** Writes the signal down before anything else, and reports it at once: what follows may take its time. */
  #stop(signal: number): void {
    const { stop, messages } = this.#core;
    if (stop.count === 0) {
      advance(this.#core, { stopSignal: signal });
      messages.info(`Told to stop by ${signalName(signal)}.`);
    }
    stop.ask(signal);
  }

  #forward(signal: number): void {
    const { sys, record, supervisor, options } = this.#core;
    if (record.mainPid > 0) sys.kill(record.mainPid, signal);
    else if (signal === SIGHUP && options.mainCommand.length === 0 && record.phase === "running") supervisor.rescan();
  }

  /** `true` when the image has a hook for this signal. One runs at a time; the signal is not kept for another run. */
  #runHook(signal: number): boolean {
    const { sys, messages, children, journal, environment, record } = this.#core;
    const path = `${HOOKS}/${signalName(signal).slice("SIG".length)}`;
    if (!isExecutable(sys, path)) return false;
    if (this.#hooks.has(signal)) return true;
    const env = formatEnvironBlock(environment.variables);
    const argv = [path, String(record.mainPid)];
    journal.intend(path);
    const pid = spawnAsShell(sys, { path, argv, env, flags: SpawnFlag.Group }, (text) => messages.warn(text));
    if (pid < 0) {
      messages.warn(
        `cannot run ${path}: ${explain(sys, path, -pid)}; ${signalName(signal)} is forwarded as without it`,
      );
      return false;
    }
    this.#hooks.add(signal);
    children.add(pid, { exited: () => this.#hooks.delete(signal) });
    return true;
  }
}

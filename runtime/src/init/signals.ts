import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { signalName } from "../../../lib/linux/signals.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawnAsShell } from "../base/programs.ts";
import { SpawnFlag } from "../sys.ts";
import type { Core } from "./core.ts";

const SIGHUP = 1;
const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
const FIRST_REALTIME = 32;
/** HUP, QUIT, USR1, USR2, ALRM, CONT, WINCH: what a main command may want to hear of; the rest has no meaning for it. */
const FORWARDED: readonly number[] = [1, 3, 10, 12, 14, 18, 28];
const HOOKS = "/etc/my_init.signal.d";

/** Acts on one signal that this process got. */
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

  /** Said at once: what follows may take its time, and a log that only shows the end leaves open why. */
  #stop(signal: number): void {
    const { stop, messages } = this.#core;
    if (stop.count === 0) messages.info(`Told to stop by ${signalName(signal)}.`);
    stop.ask(signal);
  }

  #forward(signal: number): void {
    const { sys, record, supervisor, options } = this.#core;
    if (record.mainPid > 0) sys.kill(record.mainPid, signal);
    else if (signal === SIGHUP && options.mainCommand.length === 0 && record.phase === "running") supervisor.rescan();
  }

  /** `true` when the image has a hook for this signal. One runs at a time; the signal is not kept for another run. */
  #runHook(signal: number): boolean {
    const { sys, messages, children, environment, record } = this.#core;
    const path = `${HOOKS}/${signalName(signal).slice("SIG".length)}`;
    if (!isExecutable(sys, path)) return false;
    if (this.#hooks.has(signal)) return true;
    const env = formatEnvironBlock(environment.variables);
    const argv = [path, String(record.mainPid)];
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

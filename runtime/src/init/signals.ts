import { formatEnvironBlock } from "../../../lib/linux/environment.ts";
import { Signal, signalName } from "../../../lib/linux/signals.ts";
import { isExecutable } from "../base/files.ts";
import { explain, spawnAsShell } from "../base/programs.ts";
import { send } from "../base/signalling.ts";
import { Open, SpawnFlag, type Sys } from "../sys.ts";
import { advance, type Core } from "./core.ts";
import { workingDirectory } from "./working-directory.ts";

/** Signals that a main command may want to get; the others mean nothing to it. */
const FORWARDED: readonly number[] = [
  Signal.HUP,
  Signal.QUIT,
  Signal.USR1,
  Signal.USR2,
  Signal.ALRM,
  Signal.CONT,
  Signal.WINCH,
];
/** Signals that ask programs in general to stop: `STOPSIGNAL` of nginx and php-fpm, of systemd, of Apache. */
const STOPS_SOMEBODY: readonly number[] = [Signal.QUIT, Signal.RTMIN3, Signal.WINCH];
/** Signals that come by themselves: from a terminal, a pipe, a socket, a shell's job control. */
const SILENT: readonly number[] = [
  Signal.CONT,
  Signal.PIPE,
  Signal.TSTP,
  Signal.TTIN,
  Signal.TTOU,
  Signal.URG,
  Signal.IO,
];
const HOOKS = "/etc/my_init.signal.d";

/** Acts on the signals that this process receives. */
export class Signals {
  readonly #core: Core;
  readonly #hooks = new Set<number>();
  /** Signals of which it was said that they do nothing. */
  readonly #told = new Set<number>();

  constructor(core: Core) {
    this.#core = core;
  }

  handle(signal: number): void {
    if (signal === Signal.CHLD) {
      this.#core.children.reap();
      this.#core.log.childChanged();
    } else if (this.#stops(signal)) this.#stop(signal);
    else if (!FORWARDED.includes(signal) && signal < Signal.FirstRealtime) this.#doesNothing(signal);
    else if (!this.#runHook(signal)) this.#forward(signal);
  }

  #stops(signal: number): boolean {
    const { options, settings } = this.#core;
    const chosen = signal === settings.stopSignal || options.stopSignals.includes(signal);
    return signal === Signal.TERM || signal === Signal.INT || chosen;
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
    if (record.mainPid > 0) send(this.#core, record.mainPid, signal);
    else if (signal === Signal.HUP && options.mainCommand.length === 0) {
      // While startup files run the services are still to be read.
      if (record.phase === "running") supervisor.rescan();
    } else if (signal === Signal.WINCH && hasTerminal(sys)) return;
    else if (STOPS_SOMEBODY.includes(signal)) this.#stop(signal);
    else this.#doesNothing(signal);
  }

  /** Said once: whoever chose the signal, by STOPSIGNAL or `docker kill`, waits for something to happen. */
  #doesNothing(signal: number): void {
    const { messages, record } = this.#core;
    if (SILENT.includes(signal) || record.phase === "stopping" || this.#told.has(signal)) return;
    this.#told.add(signal);
    const name = signalName(signal);
    const why = record.mainPid > 0 ? "it is not passed on" : "no main command runs";
    messages.warn(`${name} does nothing here: ${why}; to stop the container by it: --stop-signal ${name}`);
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
    const cwd = workingDirectory(this.#core);
    const pid = spawnAsShell(sys, { path, argv, env, cwd, flags: SpawnFlag.Group }, (text) => messages.warn(text));
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

/** Whether a terminal may have sent a WINCH because its window changed. */
function hasTerminal(sys: Sys): boolean {
  const fd = sys.open("/dev/tty", Open.Read | Open.NonBlock, 0);
  if (fd >= 0) sys.close(fd);
  return fd >= 0;
}

import { Signal } from "../../../lib/linux/signals.ts";
import { formatDuration } from "../../../lib/text/duration.ts";
import { descendantsOf } from "../base/process-tree.ts";
import { isUnreachable, nameAll, send } from "../base/signalling.ts";
import { withdrawControl } from "../supervise/control-server.ts";
import type { Bytes } from "../sys.ts";
import { type Budget, type Counts, longest, type Plan, planStop, STAGES, type Stage, stageEnd } from "./budget.ts";
import { advance, type Core } from "./core.ts";
import { failure, type Running, scriptsIn, startScript } from "./scripts.ts";
import { afterKill, forceToExit, impatientBudget, noteKilled, stopProcess } from "./stop-process.ts";

/** A log whose input some leftover process keeps open gets this long after the last service, then the last stage ends both. */
const LOG_DRAIN_MS = 1000;

/** The end of one process or service, for the summary. */
interface Ending {
  readonly name: Bytes;
  readonly tookMs: number;
  readonly how: "ended" | "killed" | "not run";
}

/** The way down: main command, hooks, services, hooks, everything else, in one budget of time. */
export class Shutdown {
  readonly #core: Core;
  readonly #budget: Budget;
  readonly #since: number;
  readonly #hooks: { readonly pre: readonly Bytes[]; readonly post: readonly Bytes[] };
  readonly #counts: Counts;
  readonly #plan: Plan;
  readonly #stopped: Ending[] = [];
  readonly #takenOver: Running | null;

  /** @param takenOver the hook that the previous incarnation started, or `null` */
  constructor(core: Core, takenOver: Running | null = null) {
    const { loop, options, settings } = core;
    this.#core = core;
    core.log.stopping = true;
    this.#takenOver = takenOver;
    const hooks = (directory: Bytes) => (core.guest ? [] : scriptsIn(core, directory));
    this.#hooks = { pre: hooks("/etc/my_init.pre_shutdown.d"), post: hooks("/etc/my_init.post_shutdown.d") };
    this.#counts = {
      main: core.record.mainPid > 0 ? 1 : 0,
      pre: this.#hooks.pre.length,
      services: core.supervisor.names().length > 0 ? 1 : 0,
      post: this.#hooks.post.length,
      all: options.killAllOnExit ? 1 : 0,
    };
    this.#plan = planStop(settings.stopTimes, this.#counts);
    if (core.record.phase !== "stopping")
      advance(core, {
        phase: "stopping",
        // Since a startup file was told to stop: one budget for it and for what it leaves behind.
        stoppingSince: core.record.stoppingSince || loop.now(),
        stoppingMs: core.record.stoppingSince > 0 ? core.record.stoppingMs : this.#plan.totalMs,
        stopSignal: core.stop.signal,
      });
    this.#since = core.record.stoppingSince;
    this.#budget = impatientBudget(core, this.#since, core.record.stoppingMs);
    // Whatever a hook asks of sv: the services have had their stage before the init crashed.
    if (STAGES.indexOf(core.record.stage) > STAGES.indexOf("services")) core.supervisor.close();
  }

  /** @param main the main command while it runs. @returns whether nothing had to be killed */
  async run(main: Running | null): Promise<boolean> {
    for (const stage of STAGES.slice(STAGES.indexOf(this.#core.record.stage))) {
      if (!this.#counts[stage]) continue;
      advance(this.#core, { stage });
      if (stage === "main") await this.#stopMain(main);
      else if (stage === "services") await this.#stopServices();
      else if (stage === "all") await this.#stopAll();
      else await this.#runHooks(this.#hooks[stage], stage);
    }
    await this.#endLog();
    this.#summarize();
    return this.#core.record.killed.length === 0 && this.#stopped.every(({ how }) => how === "ended");
  }

  /** The last stage alone, for a container that never came up. */
  async abort(): Promise<void> {
    if (this.#core.options.killAllOnExit) await this.#stopAll();
    await this.#endLog();
  }

  /**
   * Returns the end of a stage's process that begins now, which comes earlier when the budget is cut.
   * @param later share of the stage's reserve that its later processes keep
   */
  #endOf(stage: Stage, later = 0): () => number {
    const capAt = this.#core.loop.now() + longest(stage, this.#core.settings.stopTimes);
    return () => Math.min(stageEnd(stage, this.#plan, this.#budget.startedAt, this.#budget.ms, later), capAt);
  }

  #note(name: Bytes, since: number, how: Ending["how"]): void {
    if (how === "killed") noteKilled(this.#core, [name]);
    this.#stopped.push({ name, tookMs: this.#core.loop.now() - since, how });
  }

  async #stopMain(main: Running | null): Promise<void> {
    if (main === null || this.#core.record.mainPid === 0) return;
    const since = this.#core.loop.now();
    const inTime = await stopProcess(this.#core, main, this.#budget, this.#endOf("main"));
    this.#note(main.path, since, inTime ? "ended" : "killed");
  }

  async #runHooks(hooks: readonly Bytes[], stage: "pre" | "post"): Promise<void> {
    const { record, messages, loop } = this.#core;
    const interrupted = hooks.indexOf(record.script);
    for (let at = Math.max(0, interrupted); at < hooks.length; at++) {
      const path = hooks[at] as Bytes;
      const adopted = path === this.#takenOver?.path ? this.#takenOver : null;
      if (path === record.script && adopted === null) continue;
      const since = loop.now();
      const endAt = this.#endOf(stage, (hooks.length - 1 - at) / hooks.length);
      if (adopted === null && endAt() <= since) {
        messages.warn(`${path} is not run: no time is left for it; give the stop more (KILL_PROCESS_TIMEOUT)`);
        this.#note(path, since, "not run");
        continue;
      }
      const hook = adopted ?? startScript(this.#core, path);
      if (hook === null) continue;
      const inTime = await this.#budget.within(hook.ended, endAt);
      if (inTime) {
        const problem = failure(await hook.ended);
        if (problem !== null) messages.warn(`${path} ${problem}; the shutdown goes on`);
      } else {
        await forceToExit(this.#core, hook);
      }
      this.#note(path, since, inTime ? "ended" : "killed");
    }
  }

  async #stopServices(): Promise<void> {
    const { supervisor, loop, messages } = this.#core;
    const since = loop.now();
    const endAt = this.#endOf("services");
    const killed = new Set<Bytes>();
    const note = (name: Bytes) => this.#note(`service ${name}`, since, killed.has(name) ? "killed" : "ended");
    const { mains, all } = supervisor.end(note);
    // A finish that stays is not to eat all of the stage.
    if (!(await this.#budget.within(mains, () => since + (endAt() - since) / 2))) {
      const names = supervisor.hurry();
      if (names.length > 0) messages.warn(`finish still runs, so it is sent TERM: ${names.join(", ")}.`);
    }
    if (!(await this.#budget.within(mains, endAt))) {
      const names = supervisor.living();
      for (const name of names) killed.add(name);
      messages.warn(`Services did not shut down in time: ${names.join(", ")}. Forcing them to exit.`);
      noteKilled(
        this.#core,
        names.map((name) => `service ${name}`),
      );
      supervisor.kill();
      await afterKill(this.#core, mains);
    }
    for (const name of supervisor.unreachable()) this.#note(`service ${name}`, since, "killed");
    const drainingSince = loop.now();
    if (await this.#budget.within(all, () => Math.min(endAt(), drainingSince + LOG_DRAIN_MS))) return;
    this.#note(`the log of service ${supervisor.names().join(", ")}`, drainingSince, "ended");
  }

  async #stopAll(): Promise<void> {
    const { sys, children, loop, log, messages } = this.#core;
    messages.info("Killing all processes...");
    // The log daemon ignores TERM; nobody waits for it, nor for what cannot be sent TERM.
    const noOther = () => children.noneBut((pid) => pid === log.pid || isUnreachable(sys, pid));
    const endAt = this.#endOf("all");
    const since = loop.now();
    if (endAt() > since) {
      this.#signalAll(Signal.TERM);
      this.#signalAll(Signal.CONT);
    }
    const inTime = await this.#budget.within(noOther(), endAt);
    // An orphan that comes just now is not one that was killed.
    const left = children.living().filter((pid) => pid !== log.pid && (!inTime || isUnreachable(sys, pid)));
    if (inTime && left.length === 0) return;
    this.#note(left.length > 0 ? nameAll(sys, left) : "other processes", since, "killed");
    for (const pid of left) if (isUnreachable(sys, pid)) send(this.#core, pid, Signal.TERM);
    if (inTime) return;
    messages.warn("Not all processes have exited in time. Forcing them to exit.");
    noteKilled(this.#core, ["other processes"]);
    // The log daemon is killed as well, and started again for what is still to be written.
    this.#signalAll(Signal.KILL);
    await afterKill(this.#core, noOther());
  }

  /** Has the log daemon write what the others said until their end, and takes away what the init has bound: a mount would keep it. */
  async #endLog(): Promise<void> {
    if (this.#core.record.controlFd >= 0) withdrawControl(this.#core.sys);
    await afterKill(this.#core, this.#core.log.end());
  }

  /** To every other process of the container; below us only where we are not its PID 1. */
  #signalAll(signal: number): void {
    const { sys } = this.#core;
    if (sys.getpid() === 1) sys.kill(-1, signal);
    else for (const pid of descendantsOf(sys, sys.getpid())) sys.kill(pid, signal);
  }

  #summarize(): void {
    const { loop, messages } = this.#core;
    const slowest = this.#stopped.reduce<Ending | null>((a, b) => (a === null || b.tookMs > a.tookMs ? b : a), null);
    const { killed } = this.#core.record;
    const took = slowest === null ? "" : `; ${slowest.name} took longest (${formatDuration(slowest.tookMs)})`;
    const text = `Stopped in ${formatDuration(loop.now() - this.#since)}${took}`;
    if (killed.length > 0) messages.warn(`${text}; killed: ${killed.join(", ")}.`);
    else messages.info(`${text}.`);
  }
}

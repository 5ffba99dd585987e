import { descendantsOf } from "../base/process-tree.ts";
import type { Bytes } from "../sys.ts";
import { type Budget, STAGES, type Stage, stageEnd } from "./budget.ts";
import { advance, type Core } from "./core.ts";
import { failure, type Running, scriptsIn, startScript } from "./scripts.ts";
import { afterKill, forceToExit, impatientBudget, noteKilled, stopProcess } from "./stop-process.ts";

const SIGTERM = 15;
const SIGKILL = 9;
const SIGCONT = 18;
/** A log whose input some leftover process keeps open gets this long after the last service, then the last stage ends both. */
const LOG_DRAIN_MS = 1000;

/** The end of one process or service, for the summary. */
interface Ending {
  readonly name: Bytes;
  readonly tookMs: number;
}

/** The way down: main command, hooks, services, hooks, everything else, in one budget of time. */
export class Shutdown {
  readonly #core: Core;
  readonly #budget: Budget;
  readonly #since: number;
  readonly #hooks: { readonly pre: readonly Bytes[]; readonly post: readonly Bytes[] };
  readonly #present: ReadonlySet<Stage>;
  readonly #stopped: Ending[] = [];
  readonly #takenOver: Running | null;

  /** @param takenOver the hook that the previous incarnation started, or `null` */
  constructor(core: Core, takenOver: Running | null = null) {
    const { loop, options, settings } = core;
    this.#core = core;
    core.log.stopping = true;
    this.#takenOver = takenOver;
    if (core.record.phase !== "stopping")
      advance(core, {
        phase: "stopping",
        // Since a startup file was told to stop: one budget for it and for what it leaves behind.
        stoppingSince: core.record.stoppingSince || loop.now(),
        stopSignal: core.stop.signal,
      });
    this.#since = core.record.stoppingSince;
    this.#budget = impatientBudget(core, this.#since, settings.shutdownMs);
    const hooks = (directory: Bytes) => (core.guest ? [] : scriptsIn(core, directory));
    this.#hooks = { pre: hooks("/etc/my_init.pre_shutdown.d"), post: hooks("/etc/my_init.post_shutdown.d") };
    const present = new Set<Stage>(["main"]);
    if (this.#hooks.pre.length > 0) present.add("pre");
    if (core.supervisor.names().length > 0) present.add("services");
    if (this.#hooks.post.length > 0) present.add("post");
    if (options.killAllOnExit) present.add("all");
    this.#present = present;
    // Whatever a hook asks of sv: the services have had their stage before the init crashed.
    if (STAGES.indexOf(core.record.stage) > STAGES.indexOf("services")) core.supervisor.close();
  }

  /** @param main the main command while it runs. @returns whether nothing had to be killed */
  async run(main: Running | null): Promise<boolean> {
    for (const stage of STAGES.slice(STAGES.indexOf(this.#core.record.stage))) {
      if (!this.#present.has(stage)) continue;
      advance(this.#core, { stage });
      if (stage === "main") await this.#stopMain(main);
      else if (stage === "services") await this.#stopServices();
      else if (stage === "all") await this.#stopAll();
      else await this.#runHooks(this.#hooks[stage], stage);
    }
    await this.#endLog();
    this.#summarize();
    return this.#core.record.killed.length === 0;
  }

  /** The last stage alone, for a container that never came up. */
  async abort(): Promise<void> {
    if (this.#core.options.killAllOnExit) await this.#stopAll();
    await this.#endLog();
  }

  /** Tells the end of a stage that begins now: `capMs` from now at the latest, earlier when the budget is cut. */
  #endOf(stage: Stage, capMs: number): () => number {
    const capAt = this.#core.loop.now() + capMs;
    return () => Math.min(stageEnd(stage, this.#present, this.#budget.startedAt, this.#budget.ms), capAt);
  }

  #note(name: Bytes, since: number): void {
    this.#stopped.push({ name, tookMs: this.#core.loop.now() - since });
  }

  async #stopMain(main: Running | null): Promise<void> {
    if (main === null || this.#core.record.mainPid === 0) return;
    const since = this.#core.loop.now();
    const endAt = this.#endOf("main", this.#core.settings.killProcessMs);
    await stopProcess(this.#core, main, this.#budget, endAt);
    this.#note(main.path, since);
  }

  async #runHooks(hooks: readonly Bytes[], stage: "pre" | "post"): Promise<void> {
    const { record, messages, loop, settings } = this.#core;
    const interrupted = hooks.indexOf(record.script);
    for (const path of hooks.slice(Math.max(0, interrupted))) {
      const adopted = path === this.#takenOver?.path ? this.#takenOver : null;
      if (path === record.script && adopted === null) continue;
      const hook = adopted ?? startScript(this.#core, path);
      if (hook === null) continue;
      const since = loop.now();
      const inTime = await this.#budget.within(hook.ended, this.#endOf(stage, settings.killProcessMs));
      if (inTime) {
        const problem = failure(await hook.ended);
        if (problem !== null) messages.warn(`${path} ${problem}; the shutdown goes on`);
      } else {
        await forceToExit(this.#core, hook);
      }
      this.#note(path, since);
    }
  }

  async #stopServices(): Promise<void> {
    const { supervisor, loop, messages, settings } = this.#core;
    const since = loop.now();
    const endAt = this.#endOf("services", settings.killProcessMs);
    const { mains, all } = supervisor.end((name) => this.#note(`service ${name}`, since));
    // A finish that stays is not to eat all of the stage.
    if (!(await this.#budget.within(mains, () => since + (endAt() - since) / 2))) {
      const names = supervisor.hurry();
      if (names.length > 0) messages.warn(`finish still runs, so it is sent TERM: ${names.join(", ")}.`);
    }
    if (!(await this.#budget.within(mains, endAt))) {
      const names = supervisor.living();
      messages.warn(`Services did not shut down in time: ${names.join(", ")}. Forcing them to exit.`);
      noteKilled(
        this.#core,
        names.map((name) => `service ${name}`),
      );
      supervisor.kill();
      await afterKill(this.#core, mains);
    }
    const drainingSince = loop.now();
    if (await this.#budget.within(all, () => Math.min(endAt(), drainingSince + LOG_DRAIN_MS))) return;
    this.#note(`the log of service ${supervisor.names().join(", ")}`, drainingSince);
  }

  async #stopAll(): Promise<void> {
    const { children, loop, log, messages, settings } = this.#core;
    messages.info("Killing all processes...");
    // It ignores TERM, and is the only one that nobody waits for.
    const noOther = () => children.noneBut(() => log.pid);
    const endAt = this.#endOf("all", settings.killAllMs);
    const since = loop.now();
    if (endAt() > since) {
      this.#signalAll(SIGTERM);
      this.#signalAll(SIGCONT);
    }
    if (await this.#budget.within(noOther(), endAt)) return;
    messages.warn("Not all processes have exited in time. Forcing them to exit.");
    noteKilled(this.#core, ["other processes"]);
    // The log daemon is killed as well, and started again for what is still to be written.
    this.#signalAll(SIGKILL);
    await afterKill(this.#core, noOther());
    this.#note("other processes", since);
  }

  /** Has the log daemon write what the others said until their end. */
  async #endLog(): Promise<void> {
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
    const longest = slowest === null ? "" : `; ${slowest.name} took longest (${duration(slowest.tookMs)})`;
    const text = `Stopped in ${duration(loop.now() - this.#since)}${longest}`;
    if (killed.length > 0) messages.warn(`${text}; killed: ${killed.join(", ")}.`);
    else messages.info(`${text}.`);
  }
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

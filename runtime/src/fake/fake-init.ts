import { Children } from "../base/children.ts";
import { Journal } from "../base/journal.ts";
import { Loop } from "../base/loop.ts";
import { Messages } from "../base/messages.ts";
import { OutOfMemory } from "../base/out-of-memory.ts";
import type { Context } from "../supervise/context.ts";
import { LeftBehind } from "../supervise/left-behind.ts";
import type { ServiceRecord } from "../supervise/service.ts";
import { Supervisor } from "../supervise/supervisor.ts";
import type { Sys } from "../sys.ts";
import type { FakeSys } from "./sys-fake.ts";

const SIGCHLD = 17;
const WAKE_UP = 29;

/** A supervisor on the fake, with a loop that reaps: what the unit tests of supervise/ stand on. */
export class FakeInit {
  readonly sys: FakeSys;
  readonly context: Context;
  readonly supervisor: Supervisor;
  readonly messages: string[] = [];
  readonly errors: unknown[] = [];

  /**
   * @param sys a fake with services in /etc/service
   * @param seen the fake as the supervisor sees it, where a test stands between the two
   */
  constructor(sys: FakeSys, seen: Sys = sys) {
    this.sys = sys;
    const loop: Loop = new Loop(
      seen,
      (signal) => signal === SIGCHLD && this.context.children.reap(),
      (error) => this.errors.push(error),
    );
    const { journal, records } = Journal.open(seen);
    const messages = new Messages(seen, loop, false);
    messages.warn = (text) => void this.messages.push(text);
    messages.info = (text) => void this.messages.push(text);
    this.context = {
      sys: seen,
      loop,
      children: new Children(seen, loop, journal.last.reaped),
      journal,
      messages,
      output: { capture: () => null, release: () => {} },
      outOfMemory: new OutOfMemory(seen),
      leftBehind: new LeftBehind(seen, loop, messages),
      backoff: { firstMs: 1000, maxMs: 60_000, resetAfterMs: 60_000 },
      directory: "/etc/service",
      environment: "",
    };
    this.supervisor = new Supervisor(this.context, records as Map<number, ServiceRecord>);
    this.supervisor.takeOver();
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    const end = this.sys.clock + ms;
    this.sys.after(ms, () => this.sys.raise(WAKE_UP));
    while (this.sys.clock < end) this.context.loop.tick();
    // What the last event led to.
    this.sys.raise(WAKE_UP);
    this.context.loop.tick();
  }

  /** Programs that run, as `DIRECTORY/PROGRAM`, in the order of their starts. */
  get running(): string[] {
    return [...this.sys.processes.values()].map(({ cwd, program }) => `${cwd}/${program.slice(2)}`);
  }
}

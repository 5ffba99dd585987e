import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop } from "../base/loop.ts";
import { type FakeProcess, FakeSys } from "../fake/sys-fake.ts";
import { type Bytes, Poll, type Sys } from "../sys.ts";
import { startInit } from "./init.ts";

/**
 * The promise of the restart in place, tested at every point: the init is killed before each of its system calls, one life for each,
 * and the next incarnation has to bring the same life to the same end. (Killed after a call is killed before the next one.)
 */

/** Calls that change nothing: a kill before one is a kill before the call after it. */
const LOOKS = new Set<string | symbol>(
  "now time strftime hostname getpid getuid getgid stat lstat access strerror readdir realpath readlink getrlimit size pread".split(
    " ",
  ),
);
const EIO = 5;
const [SIGQUIT, SIGKILL, SIGUSR2, SIGTERM, WAKE_UP] = [3, 9, 12, 15, 29];
/** Offset of the intent in the journal: every start has to be preceded by its note. */
const INTENT_OFFSET = 12;
const CHILDREN = "/proc/self/task/1/children";
const MOST_TURNS = 400;

/** One incarnation: the kernel as it sees it, up to the call before which it is killed. */
class Incarnation {
  readonly sys: Sys;
  calls = 0;
  dead = false;
  /** The call that it did not live to see. */
  killedBefore = "";
  #intended = false;

  constructor(kernel: FakeSys, killBefore: number) {
    this.sys = new Proxy(kernel, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (!LOOKS.has(name)) {
            if (!this.dead && ++this.calls === killBefore) {
              this.dead = true;
              this.killedBefore = `${String(name)}(${JSON.stringify(args).slice(1, 100)}`;
            }
            // Its code cannot be stopped here, but changes nothing any more.
            if (this.dead) return -EIO;
            // @see proc_tid_children(5)
            if (args[0] === CHILDREN)
              kernel.put(CHILDREN, [...kernel.processes.keys()].map((pid) => `${pid} `).join(""));
            if (name === "pwrite" && args[2] === INTENT_OFFSET) this.#intended = true;
            if (name === "spawn") assert.ok(this.#intended, `${args[0]} is started without a note`);
            if (name === "spawn" && args[0] !== "/proc/self/exe") this.#intended = false;
          }
          return (member as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  }
}

/** A container whose programs count their starts, and whose init is started again after a kill. */
class Container {
  readonly kernel = new FakeSys();
  /** Every start of a program, in order. */
  readonly started: string[] = [];
  readonly problems: string[] = [];
  code: number | null = null;
  #mainCommand: Bytes[] = [];
  #incarnation: Incarnation;
  readonly first: Incarnation;
  #loop: Loop | null = null;

  constructor(killBefore: number) {
    this.kernel.args = ["my_init"];
    for (const path of ["/run", "/dev", "/etc/service"]) this.kernel.makeDirectories(path);
    this.first = new Incarnation(this.kernel, killBefore);
    this.#incarnation = this.first;
  }

  /** Puts a program there. @param act what it does after its start; without one it runs until a signal ends it */
  put(path: Bytes, act: (process: FakeProcess) => void = () => {}): void {
    this.kernel.putProgram(path);
    this.#programs.set(path, act);
    const service = path.startsWith("/etc/service/");
    const name = service ? `.${path.slice(path.lastIndexOf("/control/") >= 0 ? -10 : path.lastIndexOf("/"))}` : path;
    this.kernel.programs.set(name, (process) => {
      const full = service ? `${process.cwd}/${process.program.slice(2)}` : process.program;
      this.started.push(full === "/proc/self/exe" ? "logd" : full);
      const same = (other: FakeProcess) => other.program === process.program && other.cwd === process.cwd;
      if ([...this.kernel.processes.values()].filter(same).length > 1) this.problems.push(`two of ${full} at once`);
      this.#programs.get(full)?.(process);
    });
  }

  readonly #programs = new Map<Bytes, (process: FakeProcess) => void>();

  /** A program that ends by itself. */
  putQuick(path: Bytes, status = 0, act: () => void = () => {}): void {
    this.put(path, (process) => {
      this.kernel.after(5, () => {
        if (!this.kernel.processes.has(process.pid)) return;
        act();
        this.kernel.end(process, status);
      });
    });
  }

  async boot(mainCommand: Bytes[] = []): Promise<void> {
    this.#mainCommand = mainCommand;
    await this.#turn(() => this.#start());
  }

  /** Lets time pass until something is so, or for as long as a life may last. */
  async until(reached: () => boolean): Promise<void> {
    for (let turns = 0; turns < MOST_TURNS && !reached() && this.code === null; turns++) {
      this.kernel.after(2000, () => this.kernel.raise(WAKE_UP));
      await this.#turn(() => this.#loop?.tick());
    }
  }

  find(path: Bytes): FakeProcess | undefined {
    return [...this.kernel.processes.values()].find(
      ({ program, cwd }) => (program.startsWith("./") ? `${cwd}${program.slice(1)}` : program) === path,
    );
  }

  #start(): void {
    const incarnation = this.#incarnation;
    const { loop, life } = startInit(incarnation.sys, {
      enableInsecureKey: false,
      skipStartupFiles: false,
      skipServices: false,
      killAllOnExit: true,
      quiet: true,
      stopSignals: [],
      mainCommand: this.#mainCommand,
    });
    this.#loop = loop;
    life.then((code) => {
      if (!incarnation.dead) this.code = code;
    });
  }

  async #turn(run: () => void): Promise<void> {
    try {
      run();
    } catch (error) {
      // A dead process gets no answers, and may take that for a fault.
      if (!this.#incarnation.dead) throw error;
    }
    await new Promise(setImmediate);
    if (!this.#incarnation.dead || this.code !== null) return;
    this.kernel.nextIncarnation();
    this.#incarnation = new Incarnation(this.kernel, -1);
    await this.#turn(() => this.#start());
  }
}

/** One life of a container, and the exit code that it has to end with. */
interface Life {
  readonly code: number;
  play(container: Container): Promise<void>;
}

const LIVES: Readonly<Record<string, Life>> = {
  "services, log, hooks and SIGTERM": {
    code: 0,
    async play(container) {
      furnish(container);
      await container.boot();
      const services = ["a/run", "b/run", "c/run", "c/log/run"].map((name) => `/etc/service/${name}`);
      const up = () => services.every((path) => container.find(path) !== undefined);
      await container.until(up);
      container.kernel.after(1500, () => {
        const b = container.find("/etc/service/b/run");
        if (b !== undefined) container.kernel.end(b, SIGKILL);
      });
      await container.until(() => container.started.includes("/etc/service/b/finish"));
      await container.until(up);
      container.kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
  "a main command that ends": {
    code: 7,
    async play(container) {
      container.putQuick("/etc/my_init.d/1");
      container.put("/etc/service/a/run");
      container.put("/bin/app", (process) => container.kernel.after(2000, () => container.kernel.end(process, 7 << 8)));
      container.putQuick("/etc/my_init.post_shutdown.d/1");
      await container.boot(["/bin/app"]);
      await container.until(() => false);
    },
  },
  "a main command that SIGTERM ends": {
    code: 143,
    async play(container) {
      container.put("/bin/app");
      await container.boot(["/bin/app"]);
      await container.until(() => container.find("/bin/app") !== undefined);
      container.kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
  "a main command that is not there": {
    code: 127,
    async play(container) {
      container.put("/etc/service/a/run");
      container.putQuick("/etc/my_init.pre_shutdown.d/1");
      await container.boot(["/bin/none"]);
      await container.until(() => false);
    },
  },
  "a startup file that fails": {
    code: 1,
    async play(container) {
      container.putQuick("/etc/my_init.d/1");
      container.putQuick("/etc/my_init.d/2", 3 << 8);
      container.put("/etc/service/a/run");
      container.putQuick("/etc/my_init.post_shutdown.d/1");
      await container.boot();
      await container.until(() => false);
    },
  },
  "SIGTERM during a startup file": {
    code: 143,
    async play(container) {
      container.put("/etc/my_init.d/1");
      container.put("/etc/service/a/run");
      await container.boot();
      await container.until(() => container.started.length > 0);
      container.kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
  "scripts in the place of a service's signal": {
    code: 0,
    async play(container) {
      const { kernel } = container;
      for (const name of ["a", "b"])
        container.put(`/etc/service/${name}/run`, (process) => {
          process.onSignal = (signal) => {
            if (signal === (name === "a" ? SIGQUIT : SIGTERM)) kernel.end(process, signal);
            else if (signal === SIGTERM) container.problems.push("TERM, which control/t was to replace");
          };
        });
      container.putQuick("/etc/service/a/control/t", 0, () => {
        const a = container.find("/etc/service/a/run");
        if (a !== undefined) kernel.kill(a.pid, SIGQUIT);
      });
      container.putQuick("/etc/service/a/control/x");
      // One that fails has not told the service anything.
      container.putQuick("/etc/service/b/control/t", 1 << 8);
      await container.boot();
      await container.until(() => container.started.length === 2);
      kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
  "a hook that has to be killed": {
    code: 1,
    async play(container) {
      container.put("/etc/my_init.pre_shutdown.d/1");
      await container.boot();
      container.kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
  "a service that has to be killed": {
    code: 1,
    async play(container) {
      container.put("/etc/service/a/run", (process) => {
        process.onSignal = () => {};
      });
      await container.boot();
      await container.until(() => container.find("/etc/service/a/run") !== undefined);
      container.kernel.raise(SIGTERM);
      await container.until(() => false);
    },
  },
};

/** An image with one of everything. */
function furnish(container: Container): void {
  const { kernel } = container;
  kernel.put("/etc/container_environment/REMOVED", "by the first startup file");
  container.putQuick("/etc/my_init.d/1", 0, () => kernel.unlink("/etc/container_environment/REMOVED"));
  container.putQuick("/etc/my_init.d/2", 0, () => {
    if (container.find("/etc/my_init.d/2")?.env.some((entry) => entry.startsWith("REMOVED=")))
      container.problems.push("a removed variable is back");
  });
  kernel.put("/etc/shipshape/logd.conf");
  container.put("/proc/self/exe", (process) => {
    process.onSignal = (signal) => {
      if (signal === SIGUSR2) kernel.end(process, 0);
    };
  });
  container.put("/etc/service/a/run");
  container.put("/etc/service/a/control/u", (process) => kernel.after(250, () => kernel.end(process, 0)));
  container.put("/etc/service/b/run");
  container.putQuick("/etc/service/b/finish");
  container.put("/etc/service/c/run");
  container.put("/etc/service/c/log/run", (process) => {
    // As a log does: it ends at the end of its input.
    const look = () => {
      if (!kernel.processes.has(process.pid)) return;
      const [input] = process.stdio;
      if (((input?.ready?.() ?? 0) & (Poll.In | Poll.HangUp)) !== 0 && input?.read?.(4096) === "")
        kernel.end(process, 0);
      else kernel.after(50, look);
    };
    look();
  });
  container.put("/etc/service/d/run");
  kernel.put("/etc/service/d/down");
  for (const path of ["pre_shutdown.d/1", "pre_shutdown.d/2", "post_shutdown.d/1"])
    container.putQuick(`/etc/my_init.${path}`);
}

async function play(life: Life, killBefore: number): Promise<Container> {
  const container = new Container(killBefore);
  await life.play(container);
  return container;
}

for (const [name, life] of Object.entries(LIVES)) {
  test(`startInit() brings a life with ${name} to the same end, whichever system call it is killed before`, async () => {
    const undisturbed = await play(life, -1);
    assert.equal(undisturbed.code, life.code);
    assert.deepEqual(undisturbed.problems, []);
    const starts = ({ started }: Container) => started.filter((program) => program !== "logd").sort();
    const expected = starts(undisturbed);
    const wrong: string[] = [];
    for (let call = 1; call <= undisturbed.first.calls; call++) {
      const container = await play(life, call);
      const { code, problems, kernel, first } = container;
      const left = code === null ? [...kernel.processes.values()].map(({ cwd, program }) => cwd + program) : [];
      const now = { code, problems, started: starts(container), left };
      // The log daemon alone may be started once more: it goes on where it was.
      const logged = container.started.includes("logd") === undisturbed.started.includes("logd");
      if (code === life.code && problems.length === 0 && logged && `${now.started}` === `${expected}`) continue;
      wrong.push(`${call} ${first.killedBefore}: ${JSON.stringify(now)}`);
    }
    assert.deepEqual(wrong, [], `${wrong.length} of ${undisturbed.first.calls} points; expected ${expected}`);
  });
}

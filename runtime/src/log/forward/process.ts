import type { Remote } from "../../../../lib/log/settings.ts";
import type { Children } from "../../base/children.ts";
import type { Loop } from "../../base/loop.ts";
import { reasonOf, spawn } from "../../base/programs.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";
import { SPOOL_DIRECTORY } from "./spool.ts";

const RESTART_MS = 1000;

/** Starts the process that sends the spool, and starts it again when it ends. */
export class ForwarderProcess {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #warn: (text: string) => void;
  readonly #environment: Bytes;
  readonly #remote: Remote;
  /** Writing end of the process's standard input. The process ends when it is closed. */
  #lifeline = -1;
  #ended: (() => void) | null = null;

  constructor(
    parts: { sys: Sys; loop: Loop; children: Children; warn: (text: string) => void; environment: Bytes },
    remote: Remote,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#children = parts.children;
    this.#warn = parts.warn;
    this.#environment = parts.environment;
    this.#remote = remote;
    this.#sys.mkdir("/var/spool", 0o755);
    this.#sys.mkdir(SPOOL_DIRECTORY, 0o700);
    this.#start();
  }

  /** Lets the process send the rest and end, then calls `ended`. */
  end(ended: () => void): void {
    if (this.#ended !== null) return;
    this.#ended = ended;
    if (this.#lifeline < 0) {
      ended();
      return;
    }
    this.#sys.close(this.#lifeline);
    this.#lifeline = -1;
  }

  #start(): void {
    if (this.#ended !== null) return;
    const pipe = this.#sys.pipe();
    if (typeof pipe === "number") {
      this.#failed(-pipe);
      return;
    }
    const { protocol, host, port } = this.#remote;
    const pid = spawn(this.#sys, {
      path: "/proc/self/exe",
      argv: ["logd_forward", protocol, host, String(port)],
      env: this.#environment,
      cwd: "/",
      stdio: [pipe[0], 1, 2],
      flags: SpawnFlag.Session,
    });
    this.#sys.close(pipe[0]);
    if (pid < 0) {
      this.#sys.close(pipe[1]);
      this.#failed(-pid);
      return;
    }
    this.#lifeline = pipe[1];
    this.#children.add(pid, {
      exited: () => {
        if (this.#lifeline >= 0) this.#sys.close(this.#lifeline);
        this.#lifeline = -1;
        if (this.#ended !== null) this.#ended();
        else this.#loop.after(RESTART_MS, () => this.#start());
      },
    });
  }

  #failed(failure: number): void {
    this.#warn(`cannot start the forwarder: ${reasonOf(this.#sys, failure)}; messages wait`);
    this.#loop.after(60_000, () => this.#start());
  }
}

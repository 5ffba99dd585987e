import { shellStatus } from "../../../../lib/linux/wait-status.ts";
import type { Children } from "../../base/children.ts";
import type { Loop } from "../../base/loop.ts";
import { reasonOf, spawn } from "../../base/programs.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";

const PROGRAMS = ["/usr/sbin/logrotate", "/sbin/logrotate"] as const;
const CONFIGURATION = "/etc/logrotate.conf";
/** After a start the first run comes soon: a container that is replaced every day would never see it otherwise. */
const FIRST_MS = 300_000;

/**
 * Runs Debian's logrotate, where it is installed, for what packages declare in /etc/logrotate.d. It keeps account itself of what is
 * due, so that a run too many does nothing.
 */
export class Logrotate {
  readonly #sys: Sys;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #warn: (text: string) => void;
  readonly #everyMs: number;
  readonly #environment: Bytes;

  /** @param everyMs 0 is never */
  constructor(
    parts: { sys: Sys; loop: Loop; children: Children; warn: (text: string) => void; environment: Bytes },
    everyMs: number,
  ) {
    this.#sys = parts.sys;
    this.#loop = parts.loop;
    this.#children = parts.children;
    this.#warn = parts.warn;
    this.#environment = parts.environment;
    this.#everyMs = everyMs;
    if (everyMs > 0) this.#loop.after(Math.min(everyMs, FIRST_MS), () => this.#run());
  }

  #run(): void {
    this.#loop.after(this.#everyMs, () => this.#run());
    const path = PROGRAMS.find((program) => this.#sys.access(program, 1) === 0);
    if (path === undefined || this.#sys.access(CONFIGURATION, 4) < 0) return;
    const pid = spawn(this.#sys, {
      path,
      argv: [path, CONFIGURATION],
      env: this.#environment,
      cwd: "/",
      stdio: [-1, 1, 2],
      flags: SpawnFlag.Session,
    });
    if (pid < 0) {
      this.#warn(`cannot run ${path}: ${reasonOf(this.#sys, -pid)}`);
      return;
    }
    this.#children.add(pid, {
      exited: (_, status) => {
        if (status !== 0)
          this.#warn(`${path} failed with status ${shellStatus(status)}; what it has to say is in the container's log`);
      },
    });
  }
}

import { MAX_WAIT_MS, type Refusal, type ServiceStatus } from "../../../lib/control/protocol.ts";
import { formatProcess, formatService } from "../../../lib/control/status-format.ts";
import { parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { writeAll } from "../base/files.ts";
import type { Bytes, Sys } from "../sys.ts";
import { type Arguments, LSB, parseArguments } from "./arguments.ts";
import { isAvailable } from "./check.ts";
import { Control, Unreachable } from "./control.ts";
import { Names } from "./names.ts";
import { isReached, type Verb } from "./verbs.ts";

const EXIT_ERROR = 100;
const MAX_FAILURES = 99;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 500;

/** What became of one service: a line to print. */
interface Outcome {
  readonly failed: boolean;
  readonly line: Bytes;
  /** More about it, for people only: runit's output has no place for it, so it goes to stderr. */
  readonly reasons?: readonly string[];
}

/** A service that was told something, and how it stood then. */
interface Told {
  readonly name: Bytes;
  readonly target: Bytes;
  readonly before: ServiceStatus;
}

/**
 * Reports and controls services; returns the exit code. Called by another name than `sv`, as a link in /etc/init.d, it is that
 * service's script.
 * @see docs/reference/sv.md
 */
export function sv(sys: Sys): number {
  const environment = parseEnvironBlock(sys.environ);
  const [path = "", ...rest] = sys.args;
  const called = path.slice(path.lastIndexOf("/") + 1);
  const script = called === "sv" ? null : called;
  const args = parseArguments(rest, environment.get("SVWAIT"), script);
  if (typeof args === "string") {
    writeAll(sys, 2, `${args}\n`);
    return script === null ? EXIT_ERROR : LSB.usage;
  }
  try {
    const names = new Names(sys, environment.get("SVDIR") ?? "");
    const run = new Run(sys, args, names);
    const failures = run.run();
    return script === null ? Math.min(failures, MAX_FAILURES) : lsbCode(args, failures, run.down);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    writeAll(sys, 2, `sv: cannot talk to the init: ${error.message}\n`);
    return script === null ? EXIT_ERROR : args.verb === "status" ? LSB.unknown : LSB.error;
  }
}

function lsbCode({ verb }: Arguments, failures: number, down: number): number {
  if (failures > 0) return verb === "status" ? LSB.unknown : LSB.failed;
  return verb === "status" && down > 0 ? LSB.down : 0;
}

/** One call of `sv`. */
class Run {
  readonly #sys: Sys;
  readonly #args: Arguments;
  readonly #names: Names;
  readonly #control: Control;
  readonly #deadlineMs: number;
  /** Services that `status` found down. */
  down = 0;

  constructor(sys: Sys, args: Arguments, names: Names) {
    this.#sys = sys;
    this.#args = args;
    this.#names = names;
    this.#control = new Control(sys);
    this.#deadlineMs = sys.now() + args.waitMs;
  }

  /** @returns the number of services that failed */
  run(): number {
    const { verb, names, waits } = this.#args;
    let failures = 0;
    const report = ({ failed, line, reasons = [] }: Outcome) => {
      if (line !== "") writeAll(this.#sys, 1, `${line}\n`);
      for (const reason of reasons) writeAll(this.#sys, 2, `sv: ${reason}\n`);
      if (failed) failures++;
    };
    if (verb === "status") {
      for (const name of names.length > 0 ? names : this.#control.list()) report(this.#status(name));
      return failures;
    }
    if (verb === "pid") {
      for (const name of names) report(this.#pid(name));
      return failures;
    }
    // All are told before the first is waited for.
    const told: Told[] = [];
    for (const name of names) {
      const result = this.#tell(verb, name);
      if ("line" in result) report(result);
      else told.push(result);
    }
    if (waits) for (const service of told) report(this.#settle(verb, service));
    return failures;
  }

  #status(name: Bytes): Outcome {
    const resolved = this.#names.resolve(name);
    if ("reason" in resolved) return failure(name, resolved.reason);
    const status = this.#control.ask({ verb: "status", target: resolved.target });
    if ("code" in status) return this.#refused(name, status);
    if (status.state === "down") this.down++;
    return { failed: false, line: formatService(name, status), reasons: this.#reasons(name, resolved.target, status) };
  }

  /** The pid alone, as the file `supervise/pid` of runit has it. */
  #pid(name: Bytes): Outcome {
    const none = (reason: string): Outcome => ({ failed: true, line: "", reasons: [`${name}: ${reason}`] });
    const resolved = this.#names.resolve(name);
    if ("reason" in resolved) return none(resolved.reason);
    const status = this.#control.ask({ verb: "status", target: resolved.target });
    if ("code" in status) return none(this.#names.explain(name, status));
    return status.state === "run" ? { failed: false, line: String(status.pid) } : none("it does not run");
  }

  /** Why the service, or its log, is down although it should be up. */
  #reasons(name: Bytes, target: Bytes, { log, ...main }: ServiceStatus): string[] {
    const reasons: string[] = [];
    for (const [suffix, process] of [["", main] as const, ["/log", log] as const]) {
      if (process?.state !== "down" || process.want !== "up") continue;
      const why = this.#control.why(`${target}${suffix}`);
      if (why !== "") reasons.push(`${name}${suffix}: ${why}`);
    }
    return reasons;
  }

  #tell(verb: Verb, name: Bytes): Told | Outcome {
    const resolved = this.#names.resolve(name);
    if ("reason" in resolved) return failure(name, resolved.reason);
    const { target } = resolved;
    const [first = "status", ...others] = verb.commands;
    const before = this.#control.ask({ verb: first, target });
    if ("code" in before) return this.#refused(name, before, verb);
    for (const command of others) this.#control.ask({ verb: command, target });
    return { name, target, before };
  }

  #settle(verb: Verb, { name, target, before }: Told): Outcome {
    let now = this.#control.ask({ verb: "status", target });
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      if ("code" in now) return this.#refused(name, now, verb);
      const reached = isReached(verb.goal, before, now);
      const checked =
        reached && (!verb.check || now.state !== "run" || isAvailable(this.#sys, now.dir, this.#deadlineMs));
      if (checked === true) return { failed: false, line: `ok: ${formatProcess(name, now)}` };
      const leftMs = Math.ceil(this.#deadlineMs - this.#sys.now());
      if (leftMs <= 0) {
        // A text tells why the check cannot be run.
        const unchecked = checked === false ? `${name}: ${now.dir}/check does not succeed` : checked;
        const reasons = reached ? [unchecked] : this.#reasons(name, target, { ...now, log: null });
        if (verb.kills) this.#control.ask({ verb: "kill", target });
        return { failed: true, line: `${verb.kills ? "kill" : "timeout"}: ${formatProcess(name, now)}`, reasons };
      }
      // No event tells that a failed check would pass by now.
      const timeoutMs = Math.min(leftMs, reached ? retryMs : MAX_WAIT_MS);
      if (reached) retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      now = this.#control.ask({ verb: "wait", serial: now.serial, timeoutMs, target });
    }
  }

  #refused(name: Bytes, refusal: Refusal, verb: Verb | null = null): Outcome {
    const gone = verb?.goal === "gone" && this.#names.isUnsupervised(name, refusal);
    const reason = this.#names.explain(name, refusal);
    return gone ? { failed: false, line: `ok: ${name}: ${reason}` } : failure(name, reason);
  }
}

function failure(name: Bytes, reason: string): Outcome {
  return { failed: true, line: `fail: ${name}: ${reason}` };
}

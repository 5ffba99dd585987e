import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { Socket } from "node:net";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BootOptions, filesOf } from "./boot-options.ts";
import { eventually, soon, within } from "./deadline.ts";
import { Output } from "./output.ts";
import { type ProcessEntry, processTable, readProcess } from "./process-table.ts";
import { refusalOfRun, refusing } from "./refusal.ts";
import { type FileSpec, layOut, place } from "./rootfs.ts";
import { type Finished, run } from "./run.ts";
import { discard, scratch } from "./scratch.ts";
import { failureLogs } from "./test.ts";

export type { BootOptions };

/** The binary under test: `SHIPSHAPE_BINARY`, or the one that `npm run build:runtime` leaves. */
export const BINARY = resolve(
  process.env.SHIPSHAPE_BINARY ?? fileURLToPath(new URL("../../../dist/runtime/amd64/shipshape", import.meta.url)),
);
/** The binary is built with AddressSanitizer: its memory says nothing about the program's. */
export const SANITIZED = existsSync(BINARY) && readFileSync(BINARY).includes("__asan_init");
const ENTER = fileURLToPath(new URL("enter.sh", import.meta.url));
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** How the init ended. */
export interface Exit {
  /** Exit code, or `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Time from the last {@link Container.signal} (or from the start) until the end, in milliseconds. */
  readonly ms: number;
}

/**
 * Starts `/sbin/my_init` as PID 1 of new namespaces with a file system of its own. It is killed, with everything in it, when the box is disposed of
 * or when this process ends.
 * @throws when the binary is not built, or this process may not create namespaces
 */
export async function boot(options: BootOptions = {}): Promise<Container> {
  if (!existsSync(BINARY)) throw new Error(`cannot boot: no binary at ${BINARY}; run: npm run build:runtime`);
  const container = new Container(options);
  try {
    await container.start();
    return container;
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running container. */
export class Container {
  readonly output = new Output();
  /** Settles when the init, and with it every process of the box, has ended and all output has been read. */
  readonly exited: Promise<Exit>;
  /** The init's pid outside of the box. */
  pid = 0;
  /** Pid outside of the box of its PID 1: the same as {@link pid} unless `notFirst`. */
  first = 0;
  /** Holds the box's root, whose files can be read until the box is disposed of. */
  readonly #directory = scratch();
  readonly #options: BootOptions;
  readonly #environment: Record<string, string>;
  readonly #streams: Socket[] = [];
  readonly #settle: (exit: Exit) => void;
  /** Pid of the program that creates the namespaces. */
  #starter = 0;
  #stdin: Socket | undefined;
  #since = performance.now();
  #state: "new" | "runs" | "ended" = "new";

  #reads: boolean;

  constructor(options: BootOptions) {
    this.#reads = !options.slowReader;
    this.#options = options;
    const environment = { PATH, HOME: "/root", HOSTNAME: "box", ...instrumentation(), ...options.env };
    this.#environment = Object.fromEntries(
      Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== null),
    );
    const { promise, resolve: settle } = withResolvers<Exit>();
    this.exited = promise;
    this.#settle = settle;
    failureLogs.add(() => `--- output of the box ---\n${this.output.text}--- end of output ---`);
  }

  /** Starts the first process and waits until it has become the init. Called once, by {@link boot}. */
  async start(): Promise<void> {
    chmodSync(this.#directory, 0o755);
    layOut(
      this.#directory,
      BINARY,
      filesOf(this.#options),
      this.#options.mounts ?? [],
      this.#options.readOnlyRoot ?? false,
    );
    const outs = [`${this.#directory}/stdout`, `${this.#directory}/stderr`];
    // Real pipes, as engines give: Node's own would be sockets, which /dev/stdout cannot be opened on.
    await run("mkfifo", outs);
    if (this.#options.user !== undefined) for (const path of outs) chownSync(path, this.#options.user, -1);
    const readers = outs.map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    const [stdout = -1, stderr = -1] = outs.map((path) => openSync(path, constants.O_WRONLY));
    const [program = "", ...args] = this.#commandLine();
    const child = spawn(program, args, {
      stdio: [this.#options.stdin || this.#options.tty ? "pipe" : "ignore", stdout, stderr, "pipe"],
    });
    this.#state = "runs";
    this.#starter = child.pid ?? 0;
    closeSync(stdout);
    closeSync(stderr);
    const drained = readers.map((fd, index) => this.#read(fd, index === 0 ? "stdout" : "stderr"));
    this.#stdin = (child.stdin as Socket | null) ?? undefined;
    this.#stdin?.on("error", () => undefined);
    child.once("exit", (code, signal) => {
      const ms = performance.now() - this.#since;
      this.#state = "ended";
      // What nobody reads is never read to its end.
      void Promise.all(this.#reads ? drained : []).then(() => this.#settle({ code, signal, ms }));
    });
    const report = child.stdio[3] as Socket;
    this.first = await within("the box is set up", firstNumber(report)).finally(() => report.destroy());
    if (this.first === 0) {
      await this.exited;
      throw new Error(`cannot set up the box:\n${this.output.text}`);
    }
    this.pid = this.#options.notFirst
      ? await eventually("PID 1 has started my_init", () => this.#onlyChild())
      : this.first;
    this.#since = performance.now();
  }

  #commandLine(): string[] {
    const { user = 0, tty, notFirst, args = [], main } = this.#options;
    const variables = Object.entries(this.#environment).map(([name, value]) => `${name}=${value}`);
    const init = [
      ...(notFirst ? ["sh", "-c", '"$@"; exit $?', "sh"] : []),
      ...["env", "-i", ...variables],
      ...(this.#options.command ?? ["/sbin/my_init", ...args, ...(main === undefined ? [] : ["--", "/opt/main"])]),
    ];
    const enter = [
      // Dies with the test process; --kill-child passes that on to the box.
      ...["setpriv", "--pdeathsig", "KILL"],
      ...["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc"],
      ...["sh", ENTER, this.#directory],
      ...(tty ? ["setsid", "--ctty"] : ["setsid"]),
      ...this.#refusing(),
      ...(user === 0
        ? []
        : [
            "setpriv",
            "--pdeathsig",
            "KILL",
            `--reuid=${user}`,
            `--regid=${user}`,
            "--clear-groups",
            "--bounding-set=-all",
          ]),
      ...init,
    ];
    if (!tty) return enter;
    return [
      "setpriv",
      "--pdeathsig",
      "KILL",
      "script",
      "-qefc",
      `exec ${enter.map(shellQuote).join(" ")}`,
      "/dev/null",
    ];
  }

  #refusing(): string[] {
    const refusal = this.#options.refusal ?? refusalOfRun();
    return refusal === undefined ? [] : refusing(refusal);
  }

  #read(fd: number, stream: "stdout" | "stderr"): Promise<void> {
    const socket = new Socket({ fd, readable: true, writable: false });
    if (!this.#reads) socket.pause();
    socket.on("data", (chunk) => this.output.add(stream, chunk as Buffer));
    this.#streams.push(socket);
    return new Promise((done) => socket.once("close", () => done()));
  }

  /** Starts reading the output of a box with a `slowReader`. */
  readOutput(): void {
    this.#reads = true;
    for (const stream of this.#streams) stream.resume();
  }

  /** Closes the reading ends of the output, so that writers get EPIPE. */
  closeOutput(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** Waits until the output has `what` (`times` times). */
  sees(what: string | RegExp, times = 1, deadlineMs?: number): Promise<RegExpMatchArray> {
    const seen = this.output.sees(what, times, deadlineMs);
    // An init that has ended writes nothing more: no need to wait for the deadline.
    const ended = this.exited.then(({ code, signal }) => {
      if (this.output.count(what) >= times) return seen;
      throw new Error(`the init ended (${signal ?? code}) before the output had ${JSON.stringify(String(what))}`);
    });
    seen.catch(() => undefined);
    ended.catch(() => undefined);
    return Promise.race([seen, ended]);
  }

  /** Types into the box's stdin or terminal. */
  type(text: string): void {
    this.#stdin?.write(text);
  }

  /** Sends a signal to the init. */
  signal(signal: NodeJS.Signals | number): void {
    this.#since = performance.now();
    process.kill(this.pid, signal);
  }

  /** Sends a signal to the init and waits until it has ended. */
  stop(signal: NodeJS.Signals | number = "SIGTERM"): Promise<Exit> {
    this.signal(signal);
    return this.ended();
  }

  /**
   * Sends a signal to the init and waits until it has ended, which may take `limitMs` and as long as the control.
   * @see soon
   */
  stopSoon(limitMs: number, control?: Parameters<typeof soon>[3]): Promise<Exit> {
    this.signal("SIGTERM");
    return soon("the stop", this.exited, limitMs, control);
  }

  /** Waits until the init has ended. */
  ended(): Promise<Exit> {
    return within("the init has ended", this.exited);
  }

  /** Runs a command in the box, as `docker exec` does; a string is shell text. */
  exec(
    command: string | readonly string[],
    options: { user?: number; input?: string; deadlineMs?: number } = {},
  ): Promise<Finished> {
    const { user, input, deadlineMs } = options;
    const args = typeof command === "string" ? ["sh", "-c", command] : command;
    const ids = user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const namespaces = ["--target", String(this.first), "--pid", "--mount", "--uts", "--ipc"];
    const before = [...this.#refusing(), ...ids];
    const variables = Object.entries(this.#environment).map(([name, value]) => `${name}=${value}`);
    return run("nsenter", [...namespaces, "--", ...before, "env", "-i", ...variables, ...args], {
      ...(input === undefined ? {} : { input }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  }

  /** Runs `sv` with these arguments and returns what it printed, without the last newline. */
  async sv(...args: string[]): Promise<string> {
    const { stdout, stderr } = await this.exec(["sv", ...args]);
    return `${stdout}${stderr}`.trimEnd();
  }

  /** Where a path of the box is outside of it. Mounts of the box are not visible there. */
  path(path: string): string {
    return join(this.#directory, "root", path);
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  readBytes(path: string): Buffer {
    return readFileSync(this.path(path));
  }

  /** Bytes in a file; 0 when it is not there. */
  size(path: string): number {
    return statSync(this.path(path), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Puts a file there, or takes it away. */
  write(path: string, file: FileSpec): void {
    place(this.path("/"), path, file);
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  /** Every process in the box, with its pid as the box knows it. */
  processes(): ProcessEntry[] {
    return this.#state === "ended" ? [] : processTable(`/proc/${this.first}/root/proc`);
  }

  /** The process, other than the init itself, whose arguments, joined by spaces, contain this. */
  find(text: string): ProcessEntry | undefined {
    return this.processes().find(({ name, args }) => name !== "my_init" && args.join(" ").includes(text));
  }

  /** The entry of the process with this pid in the box, if it lives. */
  process(pid: number): ProcessEntry | undefined {
    return readProcess(`/proc/${this.first}/root/proc/${pid}`);
  }

  zombies(): ProcessEntry[] {
    return this.processes().filter((entry) => entry.state === "Z");
  }

  /** Open descriptors of the init, as their targets. */
  descriptors(): string[] {
    const directory = `/proc/${this.pid}/fd`;
    return readdirSync(directory).map((fd) => {
      try {
        return readlinkSync(`${directory}/${fd}`);
      } catch {
        return "closed meanwhile";
      }
    });
  }

  /** Resident memory of the init, in kB. */
  residentKb(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1]);
  }

  /** How often the init has given the processor away or lost it. */
  wakeUps(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return [...status.matchAll(/ctxt_switches:\s+(\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  #onlyChild(): number | undefined {
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const entry = readProcess(`/proc/${name}`);
      if (entry?.parent === this.first && entry.name !== "sh" && entry.name !== "env") return entry.pid;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#state !== "runs") return;
      this.readOutput();
      this.#kill();
      await within("the box is gone", this.exited);
    } finally {
      discard(this.#directory);
    }
  }

  #kill(): void {
    try {
      // Before its first process is known there is only the one that would start it.
      process.kill(this.first || this.#starter, "SIGKILL");
    } catch {
      // It ended by itself just now.
    }
  }
}

/** Settings of sanitizers, which an instrumented binary needs inside too. */
function instrumentation(): Record<string, string> {
  const names = ["ASAN_OPTIONS", "UBSAN_OPTIONS"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The number on the first line, or 0 when there is none. */
async function firstNumber(stream: NodeJS.ReadableStream): Promise<number> {
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return Number.parseInt(text, 10) || 0;
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

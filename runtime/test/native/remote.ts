import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { BINARY, type BootOptions, boot, type Container } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";

/** The runtime with the applets of runtime/test/applets, of the same build as the binary under test. */
export const TEST_BINARY = join(dirname(BINARY), "tests/shipshape");

/** True for the build with sanitizers, which brings an allocator and dynamic libraries of its own. */
export const SANITIZED = BINARY.includes("-asan/");

/** Boots a box whose init is the applet `remote`, and waits until it takes calls. @param binary {@link TEST_BINARY}'s like */
export async function bootRemote(options: BootOptions = {}, binary = TEST_BINARY): Promise<Remote> {
  const remote = new Remote(await bootApplet("remote", { ...options, stdin: true }, binary));
  await remote.started(1);
  return remote;
}

/** Boots a box whose init is a test applet, called by that name with `options.args`. */
export function bootApplet(name: string, options: BootOptions = {}, binary = TEST_BINARY): Promise<Container> {
  if (!existsSync(binary)) {
    throw new Error(`cannot boot: no binary at ${binary}; run: npm run build:runtime -- --arch all --tests`);
  }
  const path = `/opt/${name}`;
  const { args = [], files = {}, ...rest } = options;
  return boot({
    command: [path, ...args],
    ...rest,
    files: { ...files, [path]: { content: readFileSync(binary), mode: 0o755 } },
  });
}

/** The Sys of a box's init. Disposing of it disposes of the box. */
export class Remote {
  readonly box: Container;
  #calls = 0;

  constructor(box: Container) {
    this.box = box;
  }

  /** Calls a method of Sys, or one of the applet's own, and returns what it answered; an exception's text when it threw. */
  async call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const id = this.ask(method, ...args);
    const match = await this.box.sees(new RegExp(`^reply ${id} (.*)$`, "m"));
    return JSON.parse(match[1] ?? "");
  }

  /** Calls a method that does not answer. */
  ask(method: string, ...args: readonly unknown[]): number {
    const json = JSON.stringify([method, ...args]);
    const ascii = [...json].map((c) => (c < "\x80" ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
    this.box.type(`${++this.#calls} ${ascii.join("")}\n`);
    return this.#calls;
  }

  /** Starts a shell with this text; its pid or `-errno`. */
  shell(text: string): Promise<unknown> {
    return this.call("spawn", "/bin/sh", `sh\0-c\0${text}`, "PATH=/usr/bin:/bin", "", [-1, 1, 2], 1, null);
  }

  /** Waits until the program has started this many times. */
  async started(times: number): Promise<void> {
    await this.box.sees(new RegExp(`^started ${times}$`, "m"));
  }

  /** Open descriptors of the init: numbers with their targets, sorted. */
  descriptors(): string[] {
    const targets = this.box.descriptors();
    return readdirSync(`/proc/${this.box.pid}/fd`)
      .map((fd, index) => `${fd} ${targets[index]}`)
      .sort();
  }

  /** The system call that the init waits in: its number, six arguments, stack pointer and program counter. @see proc_pid_syscall(5) */
  blocked(): Promise<string[]> {
    return eventually("the init waits", () => {
      const fields = readFileSync(`/proc/${this.box.pid}/syscall`, "utf8").trim().split(" ");
      return fields.length === 9 && fields;
    });
  }

  /** Makes the init fault as soon as it runs again: overwrites the stack under the system call that it waits in. */
  async smashStack(): Promise<void> {
    const stack = (await this.blocked())[7];
    const memory = openSync(`/proc/${this.box.pid}/mem`, "r+");
    writeSync(memory, Buffer.alloc(512, 0x41), 0, 512, Number(stack));
    closeSync(memory);
    this.box.signal("SIGUSR1");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.box[Symbol.asyncDispose]();
  }
}

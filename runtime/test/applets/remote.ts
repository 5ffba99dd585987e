// @daemon
// @frozen

import { kernel } from "../../src/base/binding.ts";
import { Poll } from "../../src/sys.ts";

// A Sys for tests to call from outside: every line on stdin is `ID ["method", argument, ...]`, answered by `reply ID JSON`.
// Methods that only this program has make it fail in the ways that native code must survive.

let failing = false;
let journal = -1;

const say = (line: string) => kernel.write(1, `${line}\n`);

const own: Readonly<Record<string, () => unknown>> = {
  throw: () => {
    failing = true;
  },
  loop: () => {
    for (;;);
  },
  recurse: () => {
    const deeper = (depth: number): number => deeper(depth + 1) + 1;
    return deeper(0);
  },
  reject: () => {
    Promise.reject(new Error("nobody waits for this"));
  },
  exhaust: () => {
    const kept: Uint8Array[] = [];
    for (;;) kept.push(new Uint8Array(1 << 20));
  },
  healthy: () => kernel.setJournal(journal, true),
};

/** ASCII only, for whatever reads this. */
function ascii(json: string): string {
  let text = "";
  for (const char of json) {
    const code = char.charCodeAt(0);
    text += code < 0x80 ? char : `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return text;
}

function answer(line: string): void {
  const space = line.indexOf(" ");
  const [method, ...args] = JSON.parse(line.slice(space + 1)) as [string, ...unknown[]];
  let result: unknown;
  try {
    const member = own[method] ?? (kernel as unknown as Record<string, unknown>)[method];
    result = typeof member === "function" ? member(...args) : member;
  } catch (error) {
    result = String(error);
  }
  say(`reply ${line.slice(0, space)} ${ascii(JSON.stringify(result ?? null))}`);
}

globalThis.main = () => {
  if (kernel.args[1] === "fail") throw new Error("cannot even start");
  if (kernel.args[1] === "exhaust") own.exhaust?.();
  journal = kernel.resumeFd < 0 ? kernel.memfd("remote") : kernel.resumeFd;
  const count = Number(kernel.pread(journal, 16, 0)) + 1;
  kernel.pwrite(journal, String(count), 0);
  kernel.setJournal(journal, false);

  const epoll = kernel.epollCreate();
  const signals = kernel.signalfd();
  kernel.epollAdd(epoll, signals, Poll.In);
  kernel.epollAdd(epoll, 0, Poll.In);
  const pairs = new Int32Array(8);
  globalThis.tick = () => turn(epoll, signals, pairs);
  say(`started ${count}`);
};

let input = "";

function turn(epoll: number, signals: number, pairs: Int32Array): void {
  if (failing) throw new Error("this turn fails");
  const ready = kernel.epollWait(epoll, pairs, -1);
  for (let i = 0; i < ready; i++) {
    if (pairs[2 * i] === signals) say(`signal ${kernel.readSignal(signals)}`);
    if (pairs[2 * i] !== 0) continue;
    const data = kernel.read(0, 65536);
    if (data === "") kernel.epollRemove(epoll, 0);
    input += data;
    const lines = input.split("\n");
    input = lines.pop() ?? "";
    for (const line of lines) answer(line);
  }
}

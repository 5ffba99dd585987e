import type { WaitStatus } from "../../../lib/linux/wait-status.ts";
import { Poll, type Sys } from "../sys.ts";

const KILL = 9;
const READ_BYTES = 4096;

/** How to wait for a child. */
export interface ChildWait {
  readonly pid: number;
  /** The reading end of a pipe that the child holds: its end closes it. What is written to it is dropped. */
  readonly reader: number;
  /** Something that the child started may hold the pipe for longer, so the child itself is looked at this often. */
  readonly lookMs: number;
  /** By the clock of {@link Sys.now}; a child that still runs then is killed. */
  readonly deadlineMs: number;
}

/** Waits for the only child of this process. Returns its wait status, or `null` when there is no child. */
export function waitForChild(sys: Sys, { pid, reader, lookMs, deadlineMs }: ChildWait): WaitStatus | null {
  const epoll = sys.epollCreate();
  const pair = new Int32Array(2);
  let isClosed = false;
  sys.epollAdd(epoll, reader, Poll.In);
  for (;;) {
    const reaped = sys.reap();
    if (reaped !== 0) {
      sys.close(epoll);
      return reaped > 0 ? reaped % 0x10000 : null;
    }
    if (sys.now() >= deadlineMs) sys.kill(pid, KILL);
    if (sys.epollWait(epoll, pair, isClosed ? 1 : lookMs) < 1) continue;
    const written = sys.read(reader, READ_BYTES);
    if (typeof written === "string" && written !== "") continue;
    sys.epollRemove(epoll, reader);
    isClosed = true;
  }
}

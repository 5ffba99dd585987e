import { explain, spawn } from "../base/programs.ts";
import { type Bytes, Poll, type Sys } from "../sys.ts";

/** A grandchild may hold the pipe open after the script has ended, so its end is also looked for this often. */
const LOOK_MS = 50;

/**
 * Runs a service's `./check` script in its directory.
 *
 * @param deadlineMs by the clock of {@link Sys.now}; a script still running then is killed
 * @returns whether the service is available: the script exits 0, or there is none. A text says why it cannot be run.
 */
export function isAvailable(sys: Sys, directory: Bytes, deadlineMs: number): boolean | string {
  const path = `${directory}/check`;
  if (typeof sys.stat(path) === "number") return true;
  const pipe = sys.pipe();
  if (typeof pipe === "number") return `cannot run ${path}: ${sys.strerror(-pipe)}`;
  const [reader, writer] = pipe;
  const pid = spawn(sys, { path: "check", argv: ["check"], env: sys.environ, cwd: directory, stdio: [-1, writer, 2] });
  sys.close(writer);
  const passed = pid > 0 ? waitFor(sys, pid, reader, deadlineMs) : `cannot run ${path}: ${explain(sys, path, -pid)}`;
  sys.close(reader);
  return passed;
}

/** Waits without polling for the usual script: its end closes `reader`, whatever it prints is not wanted. */
function waitFor(sys: Sys, pid: number, reader: number, deadlineMs: number): boolean {
  const epoll = sys.epollCreate();
  const pair = new Int32Array(2);
  let lookMs = LOOK_MS;
  sys.epollAdd(epoll, reader, Poll.In);
  for (;;) {
    const reaped = sys.reap();
    if (reaped !== 0) {
      sys.close(epoll);
      return reaped > 0 && reaped % 65536 === 0;
    }
    if (sys.now() >= deadlineMs) sys.kill(pid, 9);
    if (sys.epollWait(epoll, pair, lookMs) < 1) continue;
    const printed = sys.read(reader, 4096);
    if (typeof printed === "string" && printed !== "") continue;
    sys.epollRemove(epoll, reader);
    lookMs = 1;
  }
}

import { waitForChild } from "../base/child.ts";
import { explain, spawn } from "../base/programs.ts";
import type { Bytes, Sys } from "../sys.ts";

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
  // Its output is not wanted.
  const wait = { pid, reader, lookMs: LOOK_MS, deadlineMs };
  const passed = pid > 0 ? waitForChild(sys, wait) === 0 : `cannot run ${path}: ${explain(sys, path, -pid)}`;
  sys.close(reader);
  return passed;
}

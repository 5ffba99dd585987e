import type { Sys } from "../sys.ts";

/** Only root reads the pipe by a name, everybody may write to it: who can name it has it open, or may look into a process that has. */
const MODE = 0o622;

/**
 * A pipe for what a service writes, `[read end, write end]`, or `-errno`. The service can open it again as /dev/stdout, whichever user it
 * runs as.
 */
export function outputPipe(sys: Sys): readonly [number, number] | number {
  const pipe = sys.pipe();
  // Without /proc nobody can open it by a name.
  if (typeof pipe !== "number") sys.chmod(`/proc/self/fd/${pipe[1]}`, MODE);
  return pipe;
}

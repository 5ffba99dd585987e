/** Steps of a program's start, by their number. The first is the last that the kernel takes: it is the program's own fault. */
export const SPAWN_STEPS = [
  "exec",
  "process",
  "stdio",
  "session",
  "group",
  "directory",
  "groups",
  "gid",
  "uid",
] as const;

export type SpawnStep = (typeof SPAWN_STEPS)[number];

/** What a step tried, and what it takes where that is not allowed. */
const WORDS: { readonly [S in Exclude<SpawnStep, "exec">]: readonly [tried: string, cure: string] } = {
  process: ["make a process", ""],
  stdio: ["set up its input and output", ""],
  session: ["make it a session of its own", ""],
  group: ["make it a process group of its own", ""],
  directory: ["enter its working directory", ""],
  groups: ["set its groups", "it takes root with the capability SETGID"],
  gid: ["set its group id", "it takes root with the capability SETGID"],
  uid: ["set its user id", "it takes root with the capability SETUID"],
};
const EPERM = 1;

/** Splits `4096 * step + errno`, as `Sys.spawn` reports a failure; a plain error number is one of the step `exec`. */
export function parseSpawnFailure(failure: number): { readonly step: SpawnStep; readonly errno: number } {
  return { step: SPAWN_STEPS[Math.floor(failure / 4096)] ?? "exec", errno: failure % 4096 };
}

/** Says which step before `execve(2)` failed, why, and what to do. @param reason the C library's words for the error */
export function explainStep(step: Exclude<SpawnStep, "exec">, errno: number, reason: string): string {
  const [tried, cure] = WORDS[step];
  return `cannot ${tried}: ${reason}${errno === EPERM && cure !== "" ? `; ${cure}` : ""}`;
}

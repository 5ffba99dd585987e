/** A raw status of `waitpid(2)`: 16 bits, 0 for a process that exited with 0. */
export type WaitStatus = number;

/** The code of a process that ended by itself, else 0. */
export function exitCode(status: WaitStatus): number {
  return (status >> 8) & 0xff;
}

/** The signal that ended the process, or 0 when it ended by itself. */
export function exitSignal(status: WaitStatus): number {
  return status & 0x7f;
}

/** A shell's `$?`: the code, or 128 + signal. */
export function shellStatus(status: WaitStatus): number {
  return exitSignal(status) > 0 ? 128 + exitSignal(status) : exitCode(status);
}

import { type Bytes, Open, type Sys } from "../sys.ts";

/** Where a file without a name can be, in memory if possible, when the kernel or a seccomp profile refuses `memfd_create(2)`. */
const DIRECTORIES = ["/dev/shm", "/run", "/tmp"] as const;

/**
 * Memory as a file that has no name and survives a restart in place.
 * @returns its descriptor, or `-errno` of `memfd_create(2)` when no directory can be used either
 */
export function anonymousFile(sys: Sys, name: Bytes): number {
  const memory = sys.memfd(name);
  if (memory >= 0) return memory;
  for (const directory of DIRECTORIES) {
    const path = `${directory}/.${name}-${sys.getpid()}-${Math.floor(sys.now())}`;
    const fd = sys.open(path, Open.ReadWrite | Open.Create | Open.Exclusive, 0o600);
    if (fd < 0) continue;
    sys.unlink(path);
    const lasting = withoutCloseOnExec(sys, fd);
    if (lasting >= 0) return lasting;
  }
  return memory;
}

/** A duplicate that stays open over `execve(2)`; `fd` itself is closed. */
function withoutCloseOnExec(sys: Sys, fd: number): number {
  const number = sys.open("/", Open.Read | Open.NonBlock, 0);
  const result = number < 0 ? number : sys.dup2(fd, number);
  sys.close(fd);
  if (result < 0 && number >= 0) sys.close(number);
  return result;
}

import { type Bytes, Errno, type Sys } from "../sys.ts";

/** Whether a result says that the call was not even looked at: the kernel has no such call, or a seccomp profile forbids it. */
export function isRefused(result: number): boolean {
  return result === -Errno.ENOSYS || result === -Errno.EPERM;
}

/** Says why a system call without other causes for `EPERM` failed. @param call its name, as seccomp profiles have it */
export function explainCall(sys: Sys, call: string, result: number): Bytes {
  const words = sys.strerror(-result);
  return isRefused(result) ? `${words}; the kernel or a seccomp profile refuses ${call}: allow it` : words;
}

/** The result of a call that the runtime cannot work without. @throws when it failed @param what completes "cannot …" */
export function required(sys: Sys, what: string, call: string, result: number): number {
  if (result < 0) throw new Error(`cannot ${what}: ${explainCall(sys, call, result)}`);
  return result;
}

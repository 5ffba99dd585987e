import { parseDecimal } from "../text/decimal.ts";

/** Names of the signals 1 to 31, in the order of their numbers on amd64 and arm64. @see signal(7) */
const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );

/** What glibc calls SIGRTMIN; it keeps 32 and 33 to itself. Container engines count from the same number. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * Number of a signal written as `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3` or `RTMAX-1`; `null` when there is no such signal.
 * @see signal(7)
 */
export function signalNumber(text: string): number | null {
  const number = parseDecimal(text, RTMAX);
  if (number !== null) return number || null;
  let name = text.toUpperCase();
  if (name.startsWith("SIG")) name = name.slice(3);
  const at = NAMES.indexOf(name);
  if (at >= 0) return at + 1;
  const base = name.startsWith("RTMIN") ? RTMIN : name.startsWith("RTMAX") ? RTMAX : null;
  if (base === null) return null;
  if (name.length === 5) return base;
  const offset = parseDecimal(name.slice(6));
  if (offset === null || name[5] !== (base === RTMIN ? "+" : "-")) return null;
  const realtime = base === RTMIN ? base + offset : base - offset;
  return realtime >= RTMIN && realtime <= RTMAX ? realtime : null;
}

/** Name of a signal: `SIGTERM`, `SIGRTMIN+3`; `signal 99` for a number without a name. */
export function signalName(number: number): string {
  const name = NAMES[number - 1];
  if (name !== undefined) return `SIG${name}`;
  if (number < RTMIN || number > RTMAX) return `signal ${number}`;
  return number === RTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - RTMIN}`;
}

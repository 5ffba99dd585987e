import { Errno } from "../../sys.ts";
import { type Arena, PARTIAL } from "./arena.ts";

/** Spans that one system call takes. @see IOV_MAX in writev(2) */
const WORDS_PER_CALL = 2048;

/** A list of spans in the arena. */
export interface SpanList {
  /** First word of the list. */
  readonly from: number;
  /** First word after it. */
  readonly end: number;
  /** Bytes of all spans together. */
  readonly bytes: number;
  /** Lines that the spans are. */
  readonly lines: number;
}

/**
 * Writes a list of spans, from its byte `skip` on.
 * @returns how many bytes of the list are written now, `skip` included, and what stopped it: 0 or a positive error number
 */
export function writeSpans(
  arena: Arena,
  fd: number,
  list: Omit<SpanList, "lines">,
  skip: number,
): [done: number, errno: number] {
  const { words, bytes, sys } = arena;
  let done = skip;
  while (done < list.bytes) {
    let at = list.from;
    let left = done;
    while (at < list.end && left >= (words[at + 1] as number)) {
      left -= words[at + 1] as number;
      at += 2;
    }
    if (at >= list.end) return [done, 0];
    if (left > 0) {
      words[PARTIAL] = (words[at] as number) + left;
      words[PARTIAL + 1] = (words[at + 1] as number) - left;
    }
    const written =
      left > 0
        ? sys.writev(fd, bytes, PARTIAL, PARTIAL + 2)
        : sys.writev(fd, bytes, at, Math.min(list.end, at + WORDS_PER_CALL));
    if (written === -Errno.EINTR) continue;
    if (written < 0) return [done, -written];
    if (written === 0) return [done, Errno.ENOSPC];
    done += written;
  }
  return [done, 0];
}

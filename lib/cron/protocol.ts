import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";

/** How a job stands: a line of the answer to `list`, and of the status file. Times are seconds since the Epoch, `null` is never. */
export interface JobStatus {
  readonly name: Bytes;
  /** The schedule as it is written. */
  readonly when: Bytes;
  readonly user: Bytes;
  readonly next: number | null;
  /** 0 when it does not run. */
  readonly pid: number;
  readonly started: number | null;
  readonly seconds: number;
  /** `ok`, `exit 3`, `SIGKILL`, `time limit`, `not started`; `""` when it has not ended yet. */
  readonly result: Bytes;
  /** So many runs in a row have failed. */
  readonly failures: number;
  /** Whether a failure counts against the container's health. */
  readonly health: boolean;
  /** `/etc/cron.d/backup:3`. */
  readonly origin: Bytes;
}

/** One line from a client; the body of `put` follows it. */
export type CronRequest =
  | { readonly verb: "list" }
  | { readonly verb: "run"; readonly target: Bytes }
  | { readonly verb: "get" | "remove"; readonly user: Bytes }
  | { readonly verb: "put"; readonly user: Bytes; readonly bytes: number };

/** Longest request line, its newline included. */
export const MAX_CRON_REQUEST_BYTES = 4096;

/** Where cron's directory can be, in the order to try; the second where `/run` cannot be written. @param uid of the daemon */
export function cronDirectories(uid: number): Bytes[] {
  return ["/run/cron", `/dev/shm/cron-${uid}`];
}

/** The request's line, newline included. */
export function encodeCronRequest(request: CronRequest): Bytes {
  switch (request.verb) {
    case "list":
      return "list\n";
    case "run":
      return `run ${request.target}\n`;
    case "put":
      return `put ${request.bytes} ${request.user}\n`;
    default:
      return `${request.verb} ${request.user}\n`;
  }
}

/** The request of a line without its newline, or the reason why it is none. */
export function parseCronRequest(line: Bytes): CronRequest | string {
  if (line === "list") return { verb: "list" };
  const [verb = "", ...rest] = line.split(" ");
  if (verb === "run" && rest.join(" ") !== "") return { verb, target: rest.join(" ") };
  const user = rest[rest.length - 1] ?? "";
  if (user === "" || user.startsWith(".") || user.includes("/")) return "no usable target";
  if ((verb === "get" || verb === "remove") && rest.length === 1) return { verb, user };
  const bytes = rest.length === 2 ? parseDecimal(rest[0] ?? "") : null;
  return verb === "put" && bytes !== null ? { verb, user, bytes } : "unknown request";
}

/** Lines with fields between tabs, newlines included. */
export function encodeJobs(jobs: readonly JobStatus[]): Bytes {
  return jobs.map((job) => `${fieldsOf(job).join("\t")}\n`).join("");
}

/** The job of a line without its newline; `null` when it is none. */
export function parseJob(line: Bytes): JobStatus | null {
  const [name = "", when = "", user = "", next = "", pid = "", started = "", seconds = "", ...rest] = line.split("\t");
  const [result = "", failures = "", health, origin] = rest;
  if (origin === undefined) return null;
  return {
    ...{ name, when, user, result, origin },
    next: parseDecimal(next),
    pid: parseDecimal(pid) ?? 0,
    started: parseDecimal(started),
    seconds: parseDecimal(seconds) ?? 0,
    failures: parseDecimal(failures) ?? 0,
    health: health === "1",
  };
}

function fieldsOf(job: JobStatus): (Bytes | number)[] {
  const { name, when, user, next, pid, started, seconds, result, failures, health, origin } = job;
  return [name, when, user, next ?? "-", pid, started ?? "-", seconds, result, failures, health ? 1 : 0, origin];
}

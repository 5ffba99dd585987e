import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";

/** Longest request line, its newline included. */
export const MAX_REQUEST_BYTES = 4096;

/** Longest time, in milliseconds, that one `wait` may take. */
export const MAX_WAIT_MS = 3_600_000;

/** What a service can be told; each is also a word of the protocol. */
export const COMMANDS = [
  "up",
  "down",
  "once",
  "pause",
  "cont",
  "hup",
  "alarm",
  "interrupt",
  "quit",
  "1",
  "2",
  "term",
  "kill",
  "exit",
] as const;

export type Command = (typeof COMMANDS)[number];

/** One line from client to init. `target` is `NAME`, `NAME/log` or the absolute path of a service directory. */
export type Request =
  | { readonly verb: "list" }
  | { readonly verb: "status" | "why" | Command; readonly target: Bytes }
  | { readonly verb: "wait"; readonly serial: number; readonly timeoutMs: number; readonly target: Bytes };

export const STATES = ["run", "down", "finish"] as const;

/** How one supervised process stands: a service or its log. */
export interface ProcessStatus {
  readonly state: (typeof STATES)[number];
  /** 0 when no process runs. */
  readonly pid: number;
  /** Since the state last changed. */
  readonly seconds: number;
  readonly normally: "up" | "down";
  readonly want: "up" | "down";
  readonly paused: boolean;
  /** Whether it was sent TERM. */
  readonly term: boolean;
}

export interface ServiceStatus extends ProcessStatus {
  /** Differs from the one before whenever anything else in the status but `seconds` differs. */
  readonly serial: number;
  readonly log: ProcessStatus | null;
  /** The service's directory, an absolute path. */
  readonly dir: Bytes;
}

export type ErrorCode = "no-service" | "bad-request" | "denied";

export type Refusal = { readonly code: Bytes; readonly text: Bytes };

/** Where the control socket can be, in the order to try: the first for root, the others where `/run` cannot be written. @param uid of the init */
export function controlSockets(uid: number): Bytes[] {
  return ["/run/shipshape", `/dev/shm/shipshape-${uid}`, `/tmp/shipshape-${uid}`].map((dir) => `${dir}/control`);
}

/** The request's line, newline included. */
export function encodeRequest(request: Request): Bytes {
  if (request.verb === "list") return "list\n";
  const numbers = request.verb === "wait" ? `${request.serial} ${request.timeoutMs} ` : "";
  return `${request.verb} ${numbers}${request.target}\n`;
}

/** The request of a line without its newline, or the reason why it is none. */
export function parseRequest(line: Bytes): Request | string {
  if (line.length >= MAX_REQUEST_BYTES) return `longer than ${MAX_REQUEST_BYTES} bytes`;
  if (line === "list") return { verb: "list" };
  const [verb, rest] = splitWord(line);
  if (verb === "wait") {
    const [serialText, afterSerial] = splitWord(rest);
    const [timeoutText, target] = splitWord(afterSerial);
    const serial = parseDecimal(serialText);
    const timeoutMs = parseDecimal(timeoutText, MAX_WAIT_MS);
    if (serial === null) return "the serial is not a number";
    if (timeoutMs === null) return `the timeout is not between 0 and ${MAX_WAIT_MS} ms`;
    return isTarget(target) ? { verb, serial, timeoutMs, target } : "no usable target";
  }
  if (verb !== "status" && verb !== "why" && !isCommand(verb)) return "unknown verb";
  return isTarget(rest) ? { verb, target: rest } : "no usable target";
}

/** The reply's line, newline included. */
export function encodeStatus(status: ServiceStatus): Bytes {
  const log = status.log ? fieldsOf("log.", status.log) : "";
  return `ok serial=${status.serial}${fieldsOf("", status)}${log} dir=${status.dir}\n`;
}

/** The answer to `list`, newlines included. */
export function encodeNames(names: readonly Bytes[]): Bytes {
  return `ok names=${names.length}\n${names.map((name) => `${name}\n`).join("")}`;
}

/** The answer to `why`, newline included. */
export function encodeReason(text: Bytes): Bytes {
  return `ok why=${text.replaceAll("\n", " ")}\n`;
}

/** The words of an answer to `why`, without its newline; `""` when it has none. */
export function parseReason(line: Bytes): Bytes {
  return line.startsWith("ok why=") ? line.slice(7) : "";
}

/** The reply's line, newline included. */
export function encodeRefusal(code: ErrorCode, text: Bytes): Bytes {
  return `error ${code} ${text}\n`;
}

/** The refusal that a reply's line tells, without its newline; `null` when the line is none. */
export function parseRefusal(line: Bytes): Refusal | null {
  const [word, rest] = splitWord(line);
  if (word !== "error") return null;
  const [code, text] = splitWord(rest);
  return { code, text };
}

/** How many lines of names follow a reply's line; `null` when it is not the answer to `list`. */
export function parseNameCount(line: Bytes): number | null {
  return line.startsWith("ok names=") ? parseDecimal(line.slice(9)) : null;
}

/** The status that a reply's line tells, without its newline; `null` when it is none or incomplete. */
export function parseStatus(line: Bytes): ServiceStatus | null {
  const dirAt = line.indexOf(" dir=");
  if (dirAt < 0 || !line.startsWith("ok ")) return null;
  const fields = new Map<Bytes, Bytes>();
  for (const word of line.slice(3, dirAt).split(" ")) {
    const at = word.indexOf("=");
    if (at > 0) fields.set(word.slice(0, at), word.slice(at + 1));
  }
  const serial = parseDecimal(fields.get("serial") ?? "");
  const main = processOf("", fields);
  const log = fields.has("log.state") ? processOf("log.", fields) : undefined;
  if (serial === null || main === null || log === null) return null;
  return { serial, ...main, log: log ?? null, dir: line.slice(dirAt + 5) };
}

function fieldsOf(prefix: string, process: ProcessStatus): Bytes {
  const { state, pid, seconds, normally, want, paused, term } = process;
  const values = { state, pid, seconds, normally, want, paused: paused ? 1 : 0, term: term ? 1 : 0 };
  return Object.entries(values)
    .map(([key, value]) => ` ${prefix}${key}=${value}`)
    .join("");
}

function processOf(prefix: string, fields: ReadonlyMap<Bytes, Bytes>): ProcessStatus | null {
  const field = (name: string) => fields.get(prefix + name) ?? "";
  const state = STATES.find((name) => name === field("state"));
  const pid = parseDecimal(field("pid"));
  const seconds = parseDecimal(field("seconds"));
  const normally = upOrDown(field("normally"));
  const want = upOrDown(field("want"));
  if (!state || pid === null || seconds === null || !normally || !want) return null;
  return { state, pid, seconds, normally, want, paused: field("paused") === "1", term: field("term") === "1" };
}

function upOrDown(text: Bytes): "up" | "down" | null {
  return text === "up" || text === "down" ? text : null;
}

function isCommand(word: Bytes): word is Command {
  return (COMMANDS as readonly string[]).includes(word);
}

function isTarget(text: Bytes): boolean {
  return text !== "" && !text.includes("\n") && !text.includes("\0");
}

/** The text up to the first space, and what follows it. */
function splitWord(text: Bytes): [word: Bytes, rest: Bytes] {
  const at = text.indexOf(" ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

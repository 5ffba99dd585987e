import type { Bytes } from "../text/bytes.ts";
import { parseDecimal } from "../text/decimal.ts";
import { parseDurationMs } from "../text/duration.ts";
import { isOff, parseSwitch } from "../text/setting-lines.ts";
import { readSettings, type SettingSource, type SettingTable } from "../text/settings.ts";

/** The machine to which messages are forwarded. */
export interface Remote {
  readonly protocol: "tcp" | "udp";
  readonly host: Bytes;
  readonly port: number;
}

/** The log daemon's settings, as variables name them. */
export interface LogSettings {
  /** `LOG_FORMAT`: of the container's log. */
  readonly format: "text" | "json";
  /** `LOG_TIMESTAMP`: `bsd` (`Nov 21 11:12:34 host`), `iso` (RFC 3339), `off` (no stamp and no host in the container's log). */
  readonly timestamp: "bsd" | "iso" | "off";
  /** `LOG_PREFIX`: captured lines carry their service's name in the container's log. */
  readonly prefix: boolean;
  /** `LOG_CAPTURE`: stdout and stderr of services are read. */
  readonly capture: boolean;
  /** `LOG_FILE`: the file that a captured service's lines go to; `""` for none, `null` for the default one. */
  readonly file: Bytes | null;
  /** `LOG_ROTATE_SIZE`: a file that has grown to this many bytes is rotated; 0 is never. */
  readonly rotateBytes: number;
  /** `LOG_ROTATE_AGE`: a file that is this old is rotated, in milliseconds; 0 is never. */
  readonly rotateMs: number;
  /** `LOG_ROTATE_KEEP`: so many rotated files are kept. */
  readonly keep: number;
  /** `LOG_COMPRESS`: rotated files but the newest are compressed. */
  readonly compress: boolean;
  /** `LOG_LOGROTATE`: how often Debian's logrotate is run where it is installed, in milliseconds; 0 is never. */
  readonly logrotateMs: number;
  /** `LOG_RATE`: most lines a second from one captured service, or messages of one tag; 0 is any number. */
  readonly rate: number;
  /** `LOG_FORWARD` */
  readonly forward: Remote | null;
}

export const DEFAULT_LOG_SETTINGS: LogSettings = {
  format: "text",
  timestamp: "bsd",
  prefix: true,
  capture: false,
  file: null,
  rotateBytes: 10 * 1024 * 1024,
  rotateMs: 7 * 86_400_000,
  keep: 4,
  compress: true,
  logrotateMs: 86_400_000,
  rate: 0,
  forward: null,
};

const SIZE_UNITS: Readonly<Record<string, number>> = { k: 1024, K: 1024, m: 1024 ** 2, M: 1024 ** 2, G: 1024 ** 3 };
const MAX_SIZE = 1024 ** 4;
const MAX_AGE_MS = 10_000 * 86_400_000;
const SWITCH = "on or off";
export const LOG_SETTINGS: SettingTable<LogSettings> = {
  LOG_FORMAT: { member: "format", form: "text or json", read: oneOf("text", "json") },
  LOG_TIMESTAMP: { member: "timestamp", form: "bsd, iso or off", read: oneOf("bsd", "iso", "off") },
  LOG_PREFIX: { member: "prefix", form: SWITCH, read: parseSwitch },
  LOG_CAPTURE: { member: "capture", form: SWITCH, read: parseSwitch },
  LOG_FILE: {
    member: "file",
    form: "an absolute path, or off",
    read: parseFile,
    // A path there is the application's own log.
    plain: { form: "off", read: (text) => (isOff(text) ? "" : undefined) },
  },
  LOG_ROTATE_SIZE: { member: "rotateBytes", form: "a size like 500k, 10M, 1G, or off", read: parseSize },
  LOG_ROTATE_AGE: { member: "rotateMs", form: "an age like 12h, 7d, 4w, or off", read: parseAge },
  LOG_ROTATE_KEEP: { member: "keep", form: "a number of files from 0 to 1000", read: (text) => numberOf(text, 1000) },
  LOG_COMPRESS: { member: "compress", form: SWITCH, read: parseSwitch },
  LOG_LOGROTATE: { member: "logrotateMs", form: "an age like 12h, 1d, or off", read: parseAge },
  LOG_RATE: {
    member: "rate",
    form: "a number of lines a second, or off",
    read: (text) => (isOff(text) ? 0 : numberOf(text, 1e9)),
  },
  LOG_FORWARD: {
    member: "forward",
    form: "tcp://host:port, udp://host:port, or off",
    read: (text) => (isOff(text) ? null : parseRemote(text)),
  },
};

/** Reads the log daemon's settings out of several sources, the later ones of which win. */
export function readLogSettings(
  base: LogSettings,
  sources: readonly SettingSource[],
  warn: (message: string) => void,
): LogSettings {
  return readSettings(base, LOG_SETTINGS, sources, warn);
}

function oneOf<T extends string>(...words: readonly T[]): (text: Bytes) => T | undefined {
  return (text) => words.find((word) => word === text);
}

function parseFile(text: Bytes): Bytes | undefined {
  if (isOff(text)) return "";
  return text.startsWith("/") && text.length < 240 ? text : undefined;
}

function numberOf(text: Bytes, max: number): number | undefined {
  return parseDecimal(text, max) ?? undefined;
}

function parseSize(text: Bytes): number | undefined {
  if (isOff(text)) return 0;
  const unit = SIZE_UNITS[text[text.length - 1] ?? ""];
  const number = parseDecimal(unit === undefined ? text : text.slice(0, -1), MAX_SIZE);
  const value = number === null ? Number.NaN : number * (unit ?? 1);
  return value <= MAX_SIZE ? value : undefined;
}

function parseAge(text: Bytes): number | undefined {
  return isOff(text) ? 0 : (parseDurationMs(text, MAX_AGE_MS) ?? undefined);
}

function parseRemote(text: Bytes): Remote | undefined {
  const protocol = text.slice(0, 3);
  if ((protocol !== "tcp" && protocol !== "udp") || !text.startsWith("://", 3)) return undefined;
  const address = text.slice(6);
  const bracket = address.startsWith("[") ? address.indexOf("]") : -1;
  const colon = address.indexOf(":", Math.max(0, bracket));
  const host =
    colon < 0
      ? address.slice(bracket > 0 ? 1 : 0, bracket > 0 ? bracket : undefined)
      : bracket > 0
        ? address.slice(1, bracket)
        : address.slice(0, colon);
  const port = colon < 0 ? 514 : parseDecimal(address.slice(colon + 1), 65535);
  return host === "" || port === null || port === 0 ? undefined : { protocol, host, port };
}

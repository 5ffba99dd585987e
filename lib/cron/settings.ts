import type { Bytes } from "../text/bytes.ts";
import { parseDurationMs } from "../text/duration.ts";

/** How a job is run: what the assignments before its line say. To other crons they are variables like any other. */
export interface JobSettings {
  /** `CRON_NAME`: the next job's name; `""` leaves it to be made from the file's. */
  readonly name: Bytes;
  /** `CRON_OVERLAP`: it may be started while it still runs. */
  readonly overlap: boolean;
  /** `CRON_TIMEOUT`, milliseconds: after that it gets TERM, then KILL. 0 is no limit. */
  readonly timeoutMs: number;
  /** `CRON_JITTER`, milliseconds: it starts up to so much later, by chance. */
  readonly jitterMs: number;
  /** `CRON_HEALTH`: its failure makes the container unhealthy. */
  readonly health: boolean;
  /** `CRON_TZ`: the zone of its schedule; `""` is the container's. */
  readonly zone: Bytes;
}

export const DEFAULT_SETTINGS: JobSettings = {
  name: "",
  overlap: false,
  timeoutMs: 0,
  jitterMs: 0,
  health: false,
  zone: "",
};

const MAX_NAME_BYTES = 100;

/** The settings after an assignment: the same when it is none of them, a reason as text when the value is none. */
export function withSetting(settings: JobSettings, name: Bytes, value: Bytes): JobSettings | string {
  switch (name) {
    case "CRON_NAME":
      return isJobName(value)
        ? { ...settings, name: value }
        : `a job's name has no blanks, colons and control characters`;
    case "CRON_OVERLAP":
    case "CRON_HEALTH": {
      const on = parseSwitch(value);
      if (on === null) return `${name} is yes or no, not "${value}"`;
      return name === "CRON_HEALTH" ? { ...settings, health: on } : { ...settings, overlap: on };
    }
    case "CRON_TIMEOUT":
    case "CRON_JITTER": {
      const ms = value === "" ? 0 : parseDurationMs(value);
      if (ms === null) return `${name} is a time like 90s, 10m or 2h, not "${value}"`;
      return name === "CRON_JITTER" ? { ...settings, jitterMs: ms } : { ...settings, timeoutMs: ms };
    }
    case "CRON_TZ":
      return { ...settings, zone: value };
    default:
      return settings;
  }
}

/** Whether a word can name a job on a command line and in front of its output. `""` takes a name back. */
function isJobName(text: Bytes): boolean {
  for (const character of text) if (character <= " " || character === ":" || character === "\x7f") return false;
  return text.length <= MAX_NAME_BYTES;
}

function parseSwitch(text: Bytes): boolean | null {
  const word = text.toLowerCase();
  if (word === "yes" || word === "on" || word === "true" || word === "1") return true;
  return word === "no" || word === "off" || word === "false" || word === "0" || word === "" ? false : null;
}

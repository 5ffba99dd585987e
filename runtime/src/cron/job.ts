import type { Command } from "../../../lib/cron/command.ts";
import type { Environment } from "../../../lib/cron/environment.ts";
import type { Schedule } from "../../../lib/cron/schedule.ts";
import type { JobSettings } from "../../../lib/cron/settings.ts";
import type { Bytes } from "../sys.ts";

/** A line of a crontab, or a script of `/etc/cron.daily` and its like. */
export interface Job {
  /** Identifies a job over a reload. */
  readonly key: Bytes;
  /** The name in `cron run` and in the log. */
  readonly name: Bytes;
  /** `/etc/cron.d/backup:3`. */
  readonly origin: Bytes;
  /** `null` is `@reboot`. */
  readonly schedule: Schedule | null;
  /** The schedule as it is written. */
  readonly when: Bytes;
  readonly user: Bytes;
  /** Root wrote the table, or the script. */
  readonly isRoots: boolean;
  /** For the shell, or the path of a script. */
  readonly program: Command | Bytes;
  /** Jobs of one chain run one after another; `""` is none. */
  readonly chain: Bytes;
  /** `null` is empty. */
  readonly environment: Environment | null;
  readonly settings: JobSettings;
}

/** How a job's last run ended. Times are seconds, `started` since the Epoch. */
export interface LastRun {
  readonly started: number;
  readonly seconds: number;
  /** `ok`, `exit 3`, `SIGKILL`, `time limit`, `not started`. */
  readonly result: Bytes;
}

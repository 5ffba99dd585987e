import type { Command } from "../../../lib/cron/command.ts";
import type { Environment } from "../../../lib/cron/environment.ts";
import type { Schedule } from "../../../lib/cron/schedule.ts";
import type { JobSettings } from "../../../lib/cron/settings.ts";
import type { Bytes } from "../sys.ts";

/** What is to run when: a line of a crontab, or a script of `/etc/cron.daily` and its like. */
export interface Job {
  /** Tells whether a job after a reload is the one from before. */
  readonly key: Bytes;
  /** What `cron run` and the log call it. */
  readonly name: Bytes;
  /** `/etc/cron.d/backup:3`. */
  readonly origin: Bytes;
  /** `null` is `@reboot`. */
  readonly schedule: Schedule | null;
  /** The schedule as it is written. */
  readonly when: Bytes;
  readonly user: Bytes;
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

import { kernel } from "../base/binding.ts";
import { crontab } from "../cron/commands/crontab.ts";

kernel.exit(crontab(kernel));

import { crontab } from "../cron/crontab.ts";
import { kernel } from "../kernel/binding.ts";

kernel.exit(crontab(kernel));

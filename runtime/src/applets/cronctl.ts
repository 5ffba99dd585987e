import { kernel } from "../base/binding.ts";
import { cronctl } from "../cron/commands/cronctl.ts";

kernel.exit(cronctl(kernel));

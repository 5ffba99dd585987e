import { cronctl } from "../cron/cronctl.ts";
import { kernel } from "../kernel/binding.ts";

kernel.exit(cronctl(kernel));

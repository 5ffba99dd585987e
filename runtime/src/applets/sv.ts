import { kernel } from "../kernel/binding.ts";
import { sv } from "../sv/sv.ts";

kernel.exit(sv(kernel));

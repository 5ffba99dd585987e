import { kernel } from "../base/binding.ts";
import { sv } from "../sv/sv.ts";

kernel.exit(sv(kernel));

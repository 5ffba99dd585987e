import { chpst } from "../chpst/chpst.ts";
import { kernel } from "../kernel/binding.ts";

kernel.exit(chpst(kernel));

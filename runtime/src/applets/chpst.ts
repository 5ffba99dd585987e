import { kernel } from "../base/binding.ts";
import { chpst } from "../chpst/chpst.ts";

kernel.exit(chpst(kernel));

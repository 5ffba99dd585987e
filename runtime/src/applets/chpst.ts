// @aliases setuidgid envuidgid envdir pgrphack setlock softlimit
import { kernel } from "../base/binding.ts";
import { chpst } from "../chpst/chpst.ts";

kernel.exit(chpst(kernel));

import { kernel } from "../kernel/binding.ts";
import { setuser } from "../setuser/setuser.ts";

kernel.exit(setuser(kernel));

import { kernel } from "../base/binding.ts";
import { setuser } from "../setuser/setuser.ts";

kernel.exit(setuser(kernel));

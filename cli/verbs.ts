import { bash } from "./bash.ts";
import { completion } from "./completion.ts";
import { ssh } from "./ssh.ts";
import type { Verb } from "./verb.ts";

/** What the program can do, by name. */
export const verbs: Readonly<Record<string, Verb>> = { bash, ssh, completion: completion(() => verbs) };

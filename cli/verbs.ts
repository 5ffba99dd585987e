import { bash } from "./bash.ts";
import { completion } from "./completion.ts";
import { ssh } from "./ssh.ts";
import type { Verb } from "./verb.ts";

const entering = { bash, ssh };

/** What the program can do, by name. */
export const verbs: Readonly<Record<string, Verb>> = {
  ...entering,
  completion: completion([...Object.keys(entering), "completion"]),
};

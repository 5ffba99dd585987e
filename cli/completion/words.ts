import type { Verb } from "../verb.ts";

/** The first words of a help text, which need no quoting in any shell. */
export function hint(help: string): string {
  return help.split(/[,;:]/)[0] ?? "";
}

/** Every name that the program may be called by. */
export function programs(verbs: Readonly<Record<string, Verb>>): string[] {
  return ["shipshape", ...Object.values(verbs).flatMap(({ link }) => link ?? [])];
}

/** One verb of the command line. */
export interface Verb {
  /** What follows the verb: `[-u USER] CONTAINER [COMMAND ...]`. */
  readonly synopsis: string;
  /** What it does, in a few words that begin small and have no full stop. */
  readonly summary: string;
  /** Further lines of its help. */
  readonly details: readonly string[];
  /** @returns what does it and answers the exit code, or why the arguments are not understood */
  parse(args: readonly string[]): (() => Promise<number>) | { readonly problem: string };
}

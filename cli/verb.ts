import { type ParsedOptions, parseOptions } from "../lib/text/getopt.ts";

/** An option of one letter. */
export interface Option {
  readonly letter: string;
  /** What its value is called; a flag has none. `FILE` is completed as one. */
  readonly value?: string;
  /** It may be given more than once. */
  readonly many?: boolean;
  /** What comes before the first `,`, `;` or `:` is enough for a line of tab completion. */
  readonly help: string;
}

/** One verb of the command line. */
export interface Verb {
  /** Another name of the program, which means this verb. */
  readonly link?: string;
  readonly options: readonly Option[];
  /** What follows the options: `CONTAINER [COMMAND ...]`. */
  readonly operands: string;
  /** What the first operand can be: a container that runs, or one of these words. */
  readonly first: "container" | readonly string[];
  /** What it does, in a few words that begin small and have no full stop. */
  readonly summary: string;
  /** Further lines of its help. */
  readonly details: readonly string[];
  /** @returns what does it and answers the exit code, or why the operands are not understood */
  prepare(given: ParsedOptions): Run | string;
}

/** @returns the exit code */
export type Run = () => Promise<number>;

/** What a verb is to do with the words that follow it, or why they are not understood. */
export function parse(verb: Verb, args: readonly string[]): Run | string {
  const letters = verb.options.map(({ letter, value }) => (value === undefined ? letter : `${letter}:`)).join("");
  const parsed = parseOptions(args, letters);
  return typeof parsed === "string" ? parsed : verb.prepare(parsed);
}

/** What may follow a verb, in one line. */
export function synopsis({ options, operands }: Verb): string {
  return [...options.map((option) => `[${usageOf(option)}]${option.many ? "..." : ""}`), operands].join(" ");
}

/** An option with its value's name. */
export function usageOf({ letter, value }: Option): string {
  return value === undefined ? `-${letter}` : `-${letter} ${value}`;
}

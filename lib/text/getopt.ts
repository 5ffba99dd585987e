/** One-letter options in the order given, a flag's value being `""`, and the operands. */
export interface ParsedOptions {
  readonly options: readonly (readonly [letter: string, value: string])[];
  readonly operands: readonly string[];
}

/**
 * Splits arguments as `getopt(3)` does: options end at the first operand or after `--`.
 *
 * @param letters the known options; `:` after one that takes a value
 * @returns the reason as text for an unknown option or a missing value
 */
export function parseOptions(args: readonly string[], letters: string): ParsedOptions | string {
  const options: [string, string][] = [];
  let next = 0;
  for (; next < args.length; next++) {
    const word = args[next] ?? "";
    if (word === "--") return { options, operands: args.slice(next + 1) };
    if (word.length < 2 || word[0] !== "-") break;
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      const known = letter === ":" ? -1 : letters.indexOf(letter);
      if (known < 0) return `illegal option -- ${letter}`;
      if (letters[known + 1] !== ":") {
        options.push([letter, ""]);
        continue;
      }
      const attached = word.slice(at + 1);
      const value = attached || args[++next];
      if (value === undefined) return `option requires an argument -- ${letter}`;
      options.push([letter, value]);
      break;
    }
  }
  return { options, operands: args.slice(next) };
}

import type { Bytes } from "../text/bytes.ts";

/** What the lines above a job assign, the nearest first. Jobs share what is above all of them. */
export interface Environment {
  readonly name: Bytes;
  readonly value: Bytes;
  readonly above: Environment | null;
}

/** The variables of an environment: of one that is assigned twice the nearest counts. */
export function variablesOf(environment: Environment | null): Map<Bytes, Bytes> {
  const variables = new Map<Bytes, Bytes>();
  for (let line = environment; line !== null; line = line.above)
    if (!variables.has(line.name)) variables.set(line.name, line.value);
  return variables;
}

/** A line `NAME=value` of a crontab. */
export interface Assignment {
  readonly name: Bytes;
  readonly value: Bytes;
  /** Column of the value, from 1. */
  readonly column: number;
}

/**
 * The assignment that a crontab's line is, or `null` when it is something else. Blanks around `=` and at both ends do not count;
 * name and value may stand in quotes of either kind, which keep blanks. Nothing is expanded. @see crontab(5)
 */
export function parseAssignment(line: Bytes): Assignment | null {
  const name = takeName(line, skipBlanks(line, 0));
  if (name === null || name.text === "" || name.text.includes("=")) return null;
  const equals = skipBlanks(line, name.end);
  if (line[equals] !== "=") return null;
  const at = skipBlanks(line, equals + 1);
  const quoted = takeQuoted(line, at);
  if (quoted === null) return { name: name.text, value: trimEnd(line.slice(at)), column: at + 1 };
  // Something behind the closing quote: the quotes are part of the value, as in `A='b' 'c'`.
  const whole = skipBlanks(line, quoted.end) === line.length;
  return { name: name.text, value: whole ? quoted.text : trimEnd(line.slice(at)), column: at + 1 };
}

export function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

export function skipBlanks(line: Bytes, from: number): number {
  let at = from;
  while (isBlank(line[at])) at++;
  return at;
}

export function trimEnd(text: Bytes): Bytes {
  let end = text.length;
  while (isBlank(text[end - 1]) || text[end - 1] === "\r") end--;
  return text.slice(0, end);
}

interface Token {
  readonly text: Bytes;
  readonly end: number;
}

function takeName(line: Bytes, from: number): Token | null {
  const quoted = takeQuoted(line, from);
  if (quoted !== null) return quoted;
  let end = from;
  while (end < line.length && line[end] !== "=" && !isBlank(line[end])) end++;
  return { text: line.slice(from, end), end };
}

function takeQuoted(line: Bytes, from: number): Token | null {
  const quote = line[from];
  if (quote !== '"' && quote !== "'") return null;
  const end = line.indexOf(quote, from + 1);
  return end < 0 ? null : { text: line.slice(from + 1, end), end: end + 1 };
}

/** One point of docs/contract.md. */
export interface ContractPoint {
  readonly id: string;
  /** Held points need a test that passes. */
  readonly state: "held" | "planned";
}

/** Where the ids stand, from the repository's root. */
export const contractPath = "docs/contract.md";

/**
 * The points in the tables of the contract's text.
 * @throws when there is none, one is there twice, or a state is unknown: a contract that cannot be read must not pass as kept
 */
export function contractPoints(text: string): ContractPoint[] {
  const points: ContractPoint[] = [];
  for (const [, id = "", state = ""] of text.matchAll(/^\| *(A\d+) *\| *(\S*) *\|/gm)) {
    if (state !== "held" && state !== "planned")
      throw new Error(`${contractPath}: ${id} is "${state}", not held or planned`);
    if (points.some((point) => point.id === id)) throw new Error(`${contractPath}: ${id} stands there twice`);
    points.push({ id, state });
  }
  if (points.length === 0) throw new Error(`${contractPath}: no id in it`);
  return points;
}

/** The ids that a test's title starts with: `A20 A23 my_init exits with …` carries two. */
export function idsOfTitle(title: string): string[] {
  return /^(?:A\d+[ ,:]+)*(?:A\d+\b)?/.exec(title)?.[0].match(/A\d+/g) ?? [];
}

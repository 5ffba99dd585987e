import type { Compared } from "./goals.ts";
import type { Init } from "./inits.ts";
import { noisePercent, type Spread, spread } from "./statistics.ts";

/** One thing to measure: an init with a number of services. */
export interface Cell {
  readonly init: Init;
  readonly services: number;
  readonly repetitions: number;
}

/** Measurements by init and number of services. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(init: Init, services: number, value: number): void {
    const key = Samples.key(init.name, services);
    const values = this.#values.get(key) ?? [];
    values.push(value);
    this.#values.set(key, values);
  }

  /** `null` when this was not measured. */
  of(init: string, services: number): Spread | null {
    const values = this.#values.get(Samples.key(init, services));
    return values === undefined ? null : spread(values);
  }

  /** How many times the other's median; `null` when one was not measured. */
  ratio(init: string, peer: string, services: number): number | null {
    const mine = this.of(init, services);
    const theirs = this.of(peer, services);
    return mine === null || theirs === null ? null : mine.median / theirs.median;
  }

  /** Ours, beside a peer's and the floor's. */
  compared(peer: string, services: number): Compared {
    return {
      mine: this.of("shipshape", services),
      peer: this.of(peer, services),
      floor: this.of("floor", services),
    };
  }

  /** The worst noise among what was measured of one init. */
  noise(init: string, services: readonly number[]): number {
    return Math.max(0, ...services.map((count) => this.of(init, count)).map((s) => (s === null ? 0 : noisePercent(s))));
  }

  record(): Record<string, readonly number[]> {
    return Object.fromEntries(this.#values);
  }

  private static key(init: string, services: number): string {
    return `${init}, ${services} services`;
  }
}

/**
 * Measures all cells turn by turn, and in another order each turn, so that whatever else the machine does hits all alike.
 * A cell is left out of the later turns once it has had its repetitions.
 */
export async function interleave(cells: readonly Cell[], measure: (cell: Cell) => Promise<number>): Promise<Samples> {
  const samples = new Samples();
  const turns = Math.max(0, ...cells.map((cell) => cell.repetitions));
  for (let turn = 0; turn < turns; turn++) {
    const due = cells.filter((cell) => turn < cell.repetitions);
    const first = (turn * 3) % due.length;
    for (const cell of [...due.slice(first), ...due.slice(0, first)])
      samples.add(cell.init, cell.services, await measure(cell));
  }
  return samples;
}

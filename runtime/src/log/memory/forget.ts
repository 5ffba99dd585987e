import { type Arena, ENTRIES_AT, ENTRY_BYTES, FIRST_LENGTH, Kind, LENGTH_STEP, Phase, Word } from "./arena.ts";

/** Words of a captured service's entry. */
export enum EntryWord {
  Used = 0,
  CarryBytes = 1,
}

/** Where a captured service's entry starts. */
export function entryAt(entry: number): number {
  return ENTRIES_AT + entry * ENTRY_BYTES;
}

/**
 * Gives back what the lines that are written came from. Each step can be done twice, so that a kill between two of them does no
 * harm.
 */
export function forget(arena: Arena): void {
  const { bytes, state, words } = arena;
  state[Word.Phase] = Phase.Forgetting;
  if (state[Word.Kind] === Kind.Slots) {
    const end = state[Word.SlotEnd] as number;
    for (let slot = state[Word.SlotFrom] as number; slot < end; slot++) words[slot * LENGTH_STEP + FIRST_LENGTH] = 0;
  }
  if (state[Word.Kind] === Kind.Chunk) {
    const from = state[Word.CarryFrom] as number;
    bytes.copyWithin(state[Word.CarryTo] as number, from, from + (state[Word.CarryBytes] as number));
    words[entryAt(state[Word.ChunkEntry] as number) / 4 + EntryWord.CarryBytes] = state[Word.CarryTotal] as number;
    arena.clearChunk();
  }
  state[Word.Phase] = Phase.Idle;
}

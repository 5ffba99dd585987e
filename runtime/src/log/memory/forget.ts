import { type Arena, FIRST_LENGTH, Kind, LENGTH_STEP, Phase, Word } from "./arena.ts";
import { EntryWord, entryWord } from "./entries.ts";

/**
 * Forgets the messages or the chunk whose lines are written. Each step can be done twice, so that a kill between two of them does no
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
    const entry = state[Word.ChunkEntry] as number;
    words[entryWord(entry, EntryWord.CarryBytes)] = state[Word.CarryTotal] as number;
    words[entryWord(entry, EntryWord.Torn)] = state[Word.Torn] as number;
    arena.clearChunk();
  }
  state[Word.Phase] = Phase.Idle;
}

import type { Bytes } from "../../sys.ts";
import { type Arena, ENTRIES_AT, ENTRY_BYTES, MAX_ENTRIES } from "./arena.ts";

/** Words of a captured service's entry. */
export enum EntryWord {
  Used = 0,
  CarryBytes = 1,
  /** 1 when what was written last ended amid a line. It stands after the carry. */
  Torn = 1024,
}

/** Place in an entry of `NAME: `, which ends with NUL. */
const LABEL_AT = 8;
const LABEL_BYTES = 244;
/** Place in an entry of the path of the service's file. */
export const PATH_AT = 256;
/** Place in an entry of the carry: the start of a line whose end has not come. */
export const CARRY_AT = 512;
/** Most bytes of a carry. */
export const CARRY_BYTES = 3500;

/** A service that has an entry; `fd` is its pipe, -1 when the service is gone. */
export interface Entry {
  readonly name: Bytes;
  readonly fd: number;
  readonly entry: number;
}

/** Returns where a captured service's entry starts. */
export function entryAt(entry: number): number {
  return ENTRIES_AT + entry * ENTRY_BYTES;
}

/** Returns a word of an entry, by its place among all words of the arena. */
export function entryWord(entry: number, word: EntryWord): number {
  return entryAt(entry) / 4 + word;
}

/**
 * Finds or makes the entry of each service.
 * @param pipes the services whose pipes are there
 * @returns these services, and others that are gone, whose entries are still used; `left` are those for which there is no entry
 */
export function assignEntries(arena: Arena, pipes: ReadonlyMap<Bytes, number>): { entries: Entry[]; left: Bytes[] } {
  const { words } = arena;
  const entries: Entry[] = [];
  const left: Bytes[] = [];
  const wanted = new Map(pipes);
  const free: number[] = [];
  for (let entry = 0; entry < MAX_ENTRIES && free.length < wanted.size + 1; entry++) {
    if (words[entryWord(entry, EntryWord.Used)] !== 1) {
      free.push(entry);
      continue;
    }
    const name = arena.text(entryAt(entry) + LABEL_AT, LABEL_BYTES).slice(0, -2);
    entries.push({ name, fd: wanted.get(name) ?? -1, entry });
    wanted.delete(name);
  }
  for (const [name, fd] of wanted) {
    const entry = free.shift();
    if (entry === undefined) {
      left.push(name);
      continue;
    }
    arena.poke(entryAt(entry) + LABEL_AT, `${name}: \0`);
    words[entryWord(entry, EntryWord.CarryBytes)] = 0;
    words[entryWord(entry, EntryWord.Torn)] = 0;
    words[entryWord(entry, EntryWord.Used)] = 1;
    entries.push({ name, fd, entry });
  }
  return { entries, left };
}

/** Frees the entry of a service that is gone. */
export function freeEntry(arena: Arena, entry: number): void {
  arena.words[entryWord(entry, EntryWord.Used)] = 0;
}

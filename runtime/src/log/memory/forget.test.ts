import assert from "node:assert/strict";
import test from "node:test";
import { FakeSys } from "../../fake/sys-fake.ts";
import { Arena, CHUNK_AT, FIRST_LENGTH, Kind, LENGTH_STEP, Phase, Word } from "./arena.ts";
import { EntryWord, entryAt } from "./entries.ts";
import { forget } from "./forget.ts";

/** An arena in which four messages of six, or a chunk that ended with the start of a line, are written. */
function arenaOf(kind: Kind): Arena {
  const sys = new FakeSys();
  const arena = Arena.open(sys, sys.memfd());
  if (typeof arena === "number") throw new Error(`the fake has no memory: ${arena}`);
  const { state, words } = arena;
  state[Word.Phase] = Phase.Writing;
  state[Word.Kind] = kind;
  for (let slot = 0; slot < 6; slot++) words[slot * LENGTH_STEP + FIRST_LENGTH] = 50 + slot;
  state[Word.SlotFrom] = 1;
  state[Word.SlotEnd] = 5;
  arena.poke(CHUNK_AT, "line\nrest");
  state[Word.ChunkEnd] = CHUNK_AT + 9;
  state[Word.ChunkEntry] = 3;
  state[Word.CarryFrom] = CHUNK_AT + 5;
  state[Word.CarryTo] = entryAt(3) + 512;
  state[Word.CarryBytes] = 4;
  state[Word.CarryTotal] = 4;
  return arena;
}

/** What matters to the next incarnation. */
function rest(arena: Arena): unknown {
  const lengths = Array.from({ length: 6 }, (_, slot) => arena.slotLength(slot));
  const entry = entryAt(3);
  const carried = arena.words[entry / 4 + EntryWord.CarryBytes] as number;
  const carry = arena.peek(entry + 512, entry + 512 + carried);
  return { phase: arena.state[Word.Phase], lengths, carry, chunkBytes: arena.chunkEnd - CHUNK_AT };
}

class Killed extends Error {}

/** The arena as a process sees it that is killed before its store number `limit`. */
function dying(arena: Arena, limit: number): Arena {
  let stores = 0;
  const store = () => {
    if (++stores === limit) throw new Killed();
  };
  const watched = <T extends Int32Array | Uint8Array>(memory: T): T =>
    new Proxy(memory, {
      get(target, name) {
        const member = Reflect.get(target, name, target) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          store();
          return member.apply(target, args) as unknown;
        };
      },
      set(target, name, value) {
        store();
        return Reflect.set(target, name, value, target);
      },
    });
  const view = { bytes: watched(arena.bytes), state: watched(arena.state), words: watched(arena.words) };
  return Object.assign(Object.create(Arena.prototype) as Arena, view);
}

for (const kind of [Kind.Own, Kind.Slots, Kind.Chunk]) {
  test(`forget() can be done again after a kill between any two of its steps, for ${Kind[kind]}`, () => {
    const whole = arenaOf(kind);
    forget(whole);
    const expected = rest(whole);
    const { phase, lengths, carry, chunkBytes } = expected as Record<string, unknown>;
    assert.equal(phase, Phase.Idle);
    assert.deepEqual(lengths, kind === Kind.Slots ? [50, 0, 0, 0, 0, 55] : [50, 51, 52, 53, 54, 55]);
    assert.deepEqual([carry, chunkBytes], kind === Kind.Chunk ? ["rest", 0] : ["", 9]);
    let kills = 0;
    for (let limit = 2; ; limit++) {
      const arena = arenaOf(kind);
      try {
        forget(dying(arena, limit));
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        kills++;
      }
      assert.equal(arena.state[Word.Phase], Phase.Forgetting);
      forget(arena);
      assert.deepEqual(rest(arena), expected, `killed before store ${limit}`);
    }
    assert.ok(kills >= 1, `${kills} kills`);
  });
}

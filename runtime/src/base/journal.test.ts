import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeSys } from "../fake/sys-fake.ts";
import { Journal } from "./journal.ts";

test("Journal.open() gives the next incarnation the records that were not released, by slot", () => {
  const action = fc.record({ release: fc.boolean(), at: fc.nat(20), value: fc.jsonValue({ maxDepth: 1 }) });
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const sys = new FakeSys();
      const { journal, records } = Journal.open(sys);
      assert.equal(records.size, 0);
      const expected = new Map<number, unknown>();
      for (const { release, at, value } of actions) {
        const slot = [...expected.keys()][at];
        const json = JSON.stringify(value);
        if (release && slot !== undefined) {
          journal.release(slot);
          expected.delete(slot);
        } else if (/^[ -~]{1,400}$/.test(json)) {
          const into = slot ?? journal.allocate();
          journal.write(into, json);
          expected.set(into, JSON.parse(json));
        }
      }
      sys.nextIncarnation();
      assert.deepEqual(Journal.open(sys).records, expected);
    }),
  );
});

test("Journal.allocate() never gives a slot that the incarnation before still uses", () => {
  const sys = new FakeSys();
  const { journal } = Journal.open(sys);
  const slots = [0, 1, 2].map(() => journal.allocate());
  for (const slot of slots) journal.write(slot, `${slot}`);
  journal.release(1);
  sys.nextIncarnation();
  const { journal: next } = Journal.open(sys);
  assert.deepEqual([next.allocate(), next.allocate()], [1, 3]);
});

test("Journal.readText() gives back what was written last, however long it is", () => {
  const sys = new FakeSys();
  const { journal } = Journal.open(sys);
  assert.equal(journal.readText(), null);
  for (const text of ["A=1\0B=\xff\n", "x".repeat(300_000), "", "short"]) {
    journal.writeText(text);
    sys.nextIncarnation();
    assert.equal(Journal.open(sys).journal.readText(), text);
  }
});

test("Journal.healthy() tells the crash handler, and opening it does not", () => {
  const sys = new FakeSys();
  const { journal } = Journal.open(sys);
  assert.equal(sys.journal?.healthy, false);
  journal.healthy();
  assert.equal(sys.journal?.healthy, true);
});

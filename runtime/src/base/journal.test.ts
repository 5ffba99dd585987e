import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeSys } from "../fake/sys-fake.ts";
import { Journal } from "./journal.ts";

test("Journal.open() gives the next incarnation the records that were not released, by slot", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.nat(3000).map((length) => "x".repeat(length)),
  );
  const action = fc.record({ release: fc.boolean(), at: fc.nat(20), value });
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
        } else if (/^[ -~]+$/.test(json)) {
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

test("Journal.open() finds the records behind a slot that was never written", () => {
  const sys = new FakeSys();
  const { journal } = Journal.open(sys, 2);
  const [first, , third] = [journal.allocate(), journal.allocate(), journal.allocate()];
  assert.equal(first, 2, "the first two are reserved");
  journal.write(third as number, '"c"');
  journal.write(first, '"a"');
  sys.nextIncarnation();
  const { journal: next, records } = Journal.open(sys, 2);
  assert.deepEqual([...records.values()], ["a", "c"]);
  assert.equal(next.allocate(), 3);
});

test("Journal.open() passes over a slot that cannot be understood, and finds the others", () => {
  const sys = new FakeSys();
  const { journal } = Journal.open(sys);
  const slots = [0, 1, 2].map(() => journal.allocate());
  for (const slot of slots) journal.write(slot, `"${slot}"`);
  for (const damage of ['"1', "", "=1|", "=99|x\0", "=|{\0", "\xff\xff"]) {
    sys.pwrite(sys.journal?.fd ?? -1, damage.padEnd(512, "?"), 2 ** 25 + 512);
    sys.nextIncarnation();
    assert.deepEqual([...Journal.open(sys).records.values()], ["0", "2"], damage);
  }
});

test("Journal.write() leaves the old record or the new one, whichever of its writes is the last", () => {
  for (const [old, fresh] of [
    [3000, 1200],
    [10, 3000],
    [3000, 10],
  ] as const) {
    for (let writes = 0, done = false; !done; writes++) {
      const sys = new FakeSys();
      const { journal } = Journal.open(sys);
      const slot = journal.allocate();
      journal.write(slot, JSON.stringify("o".repeat(old)));
      const write = sys.pwrite.bind(sys);
      let count = 0;
      sys.pwrite = (...args) => (count++ < writes ? write(...args) : -5);
      journal.write(slot, JSON.stringify("n".repeat(fresh)));
      sys.pwrite = write;
      done = count <= writes;
      sys.nextIncarnation();
      const record = Journal.open(sys).records.get(slot);
      assert.equal(record, done ? "n".repeat(fresh) : "o".repeat(old), `${writes} writes`);
    }
  }
});

test("Journal.last holds the answers that the kernel gave once", () => {
  const sys = new FakeSys();
  sys.putProgram("/p");
  const { journal } = Journal.open(sys);
  assert.equal(journal.last.started.pid, 0);
  journal.intend("the first");
  const first = sys.spawn("/p", "p", "", "", [0, 1, 2], 0, null);
  sys.raise(300);
  assert.ok(sys.readSignal() > 0);
  sys.nextIncarnation();
  const { journal: second } = Journal.open(sys);
  assert.deepEqual(second.last.started, { intent: "the first", pid: first });
  assert.equal(second.last.signal, 300 % 256);
  second.intend("the second");
  const [process] = sys.processes.values();
  assert.ok(process !== undefined);
  sys.end(process, 7 << 8);
  sys.reap();
  sys.nextIncarnation();
  const { last } = Journal.open(sys).journal;
  assert.deepEqual(last.reaped, { pid: first, status: 7 << 8 });
  assert.deepEqual(last.started, { intent: "the second", pid: 0 });
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

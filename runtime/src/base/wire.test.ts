import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Loop } from "./loop.ts";
import { ClientWire, ServerWire, Unreachable } from "./wire.ts";

/** Both ends of a connection. */
function connection() {
  const sys = new FakeSys();
  sys.makeDirectories("/run");
  const listener = sys.unixBind("/run/socket");
  sys.listen(listener);
  const client = sys.unixConnect("/run/socket");
  const server = sys.accept(listener);
  const loop = new Loop(
    sys,
    () => undefined,
    (error) => {
      throw error;
    },
  );
  const seen: string[] = [];
  const wire: ServerWire = new ServerWire(sys, loop, server, 10_000, {
    received: () => seen.push(wire.input),
    closed: () => seen.push("closed"),
  });
  return { sys, loop, client: new ClientWire(sys, client), fd: client, wire, seen };
}

test("ServerWire collects what comes, sends what is said, and closes a while after its answer, not with it", () => {
  const { sys, loop, client, wire, seen } = connection();
  client.send("put 3 x\nab");
  loop.tick();
  client.send("c");
  loop.tick();
  assert.deepEqual(seen, ["put 3 x\nab", "put 3 x\nabc"]);
  const answered = sys.now();
  wire.finish("ok 2\nhi", 10_000);
  client.send("more, which nobody wants");
  loop.tick();
  assert.deepEqual([client.line(100), client.bytes(2, 100)], ["ok 2", "hi"]);
  while (seen.length < 3) loop.tick();
  assert.deepEqual(seen.slice(2), ["closed"]);
  assert.equal(sys.now() - answered, 1000);
});

test("ServerWire cuts a client off that does not say what it wants, unless it is to be kept", () => {
  const silent = connection();
  const begun = silent.sys.now();
  silent.loop.tick();
  assert.deepEqual([silent.seen, silent.sys.now() - begun], [["closed"], 10_000]);
  const kept = connection();
  kept.wire.keep();
  kept.loop.after(60_000, () => undefined);
  kept.loop.tick();
  assert.deepEqual(kept.seen, []);
});

test("ClientWire does not write where a refusal waits, and says what is wrong with a server that is gone or silent", () => {
  const refused = connection();
  refused.wire.finish("error too many\n", 1000);
  refused.client.send("list\n");
  assert.equal(refused.client.line(100), "error too many");
  assert.throws(() => refused.client.line(100), new Unreachable("it does not answer"));

  const gone = connection();
  gone.wire.close();
  assert.throws(() => gone.client.send("list\n"), new Unreachable("it closed the connection"));
});

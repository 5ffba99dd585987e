import assert from "node:assert/strict";
import test from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno, Mode } from "../sys.ts";
import { Loop } from "./loop.ts";
import { Messages } from "./messages.ts";
import { OwnStream } from "./own-stream.ts";

const fail = (error: unknown) => assert.fail(String(error));

/** A kernel whose stderr is of a type that it does not open again, with room for so many writes; one more would wait for ever. */
function withStream(room: number, type = Mode.Socket): { sys: FakeSys; written: string[]; read: () => void } {
  const sys = new FakeSys();
  const written: string[] = [];
  const socket = sys.socketStream({
    ready: () => written.length < room,
    write(data) {
      if (written.length >= room) throw new Error("this write waits for ever");
      written.push(data);
      return data.length;
    },
  });
  sys.dup2(socket, 2);
  const stat = sys.stat.bind(sys);
  const root = sys.stat("/");
  assert.ok(typeof root !== "number");
  sys.stat = (path) => (path === "/proc/self/fd/2" ? { ...root, mode: type | 0o777 } : stat(path));
  return { sys, written, read: () => void written.splice(0) };
}

for (const type of [Mode.Socket, Mode.Fifo, Mode.Character])
  test(`OwnStream.write() does not wait for a reader where the type is 0${type.toString(8)}, and writes again when there is room`, () => {
    const { sys, written, read } = withStream(2, type);
    const stderr = new OwnStream(sys, 2);
    assert.deepEqual(
      ["a", "b", "c"].map((text) => stderr.write(text)),
      [1, 1, -Errno.EAGAIN],
    );
    assert.equal(stderr.ready, false);
    read();
    assert.equal(stderr.write("x".repeat(10_000)), 4096);
    assert.deepEqual(written, ["x".repeat(4096)]);
  });

test("Messages.warn() drops and counts what the reader of a socket does not take", () => {
  const { sys, written, read } = withStream(1);
  const messages = new Messages(sys, new Loop(sys, () => undefined, fail), false);
  for (const text of ["a", "b", "c"]) messages.warn(text);
  read();
  messages.warn("d");
  assert.deepEqual(written, ["*** (2 lines of the init were dropped: too many, or nobody read them)\n*** d\n"]);
});

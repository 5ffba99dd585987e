import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { escapeText } from "../../../../lib/log/escape.ts";
import { frameMessage, readFrames } from "../../../../lib/log/frame.ts";
import { FakeSys } from "../../fake/sys-fake.ts";
import { type Bytes, Errno, Open, type Sys } from "../../sys.ts";
import { Forwarder } from "./forwarder.ts";
import { OLDER, SPOOL } from "./spool.ts";

const REMOTE = "/remote";

function frame(text: Bytes): Bytes {
  return frameMessage(
    { priority: 30, host: "", tag: "app", pid: "", msgid: "", data: "", text },
    "2026-11-21T11:12:34+01:00",
    "box",
    escapeText,
  );
}

/** The spool as the log daemon fills it, and a remote that is up or down. */
class World {
  readonly kernel = new FakeSys();
  up = true;
  #received = "";
  #forwarder: Forwarder | null = null;
  readonly #sys: Sys;
  readonly #listener: number;
  readonly #peers: number[] = [];

  /** @param around what the forwarder sees of the kernel, when it is not all as it is */
  constructor(older: Bytes | null, newer: Bytes, around: (kernel: FakeSys) => Sys = (kernel) => kernel) {
    const { kernel } = this;
    if (older !== null) kernel.put(OLDER, older);
    kernel.put(SPOOL, newer);
    this.#listener = kernel.unixBind(REMOTE);
    kernel.listen(this.#listener);
    kernel.connectTo = () => (this.up ? kernel.unixConnect(REMOTE) : -Errno.ECONNREFUSED);
    this.#sys = around(kernel);
  }

  /** Another forwarder takes the place of this one. */
  restart(): void {
    this.#forwarder = null;
  }

  append(text: Bytes): void {
    const fd = this.kernel.open(SPOOL, Open.Write | Open.Append | Open.Create, 0o640);
    this.kernel.write(fd, text);
    this.kernel.close(fd);
  }

  /** What the log daemon does when a half is full. */
  rotate(): void {
    const { kernel } = this;
    kernel.close(kernel.open(OLDER, Open.Write | Open.Truncate, 0));
    kernel.unlink(OLDER);
    kernel.rename(SPOOL, OLDER);
  }

  /** What the remote has got, after a few turns of the forwarder. */
  get texts(): Bytes[] {
    const { kernel } = this;
    this.#forwarder ??= new Forwarder(this.#sys, { protocol: "tcp", host: "remote", port: 514 });
    for (let turn = 0; turn < 10; turn++) {
      // A turn without events ends as well.
      this.#forwarder.loop.after(2000, () => undefined);
      this.#forwarder.loop.tick();
      for (let peer = kernel.accept(this.#listener); peer >= 0; peer = kernel.accept(this.#listener))
        this.#peers.push(peer);
      for (const peer of this.#peers) {
        const text = kernel.read(peer, 65_536);
        if (typeof text === "string") this.#received += text;
      }
    }
    const { frames, broken } = readFrames(this.#received);
    assert.equal(broken, false);
    return frames.map(([from, end]) => this.#received.slice(from, end).replace(/^.* - - - /, ""));
  }

  sizeOf(path: Bytes): number {
    const stat = this.kernel.stat(path);
    return typeof stat === "number" ? 0 : stat.size;
  }
}

test("Forwarder sends the older half first, and empties it", () => {
  const world = new World(frame("one") + frame("two"), frame("three"));
  assert.deepEqual(world.texts, ["one", "two", "three"]);
  assert.equal(world.sizeOf(OLDER), 0);
});

test("Forwarder goes on where the one before it ended, under whatever name the half is by then", () => {
  const world = new World(null, frame("one") + frame("two"));
  assert.deepEqual(world.texts, ["one", "two"]);
  world.append(frame("three"));
  world.rotate();
  world.append(frame("four"));
  world.restart();
  assert.deepEqual(world.texts, ["one", "two", "three", "four"]);
});

test("Forwarder sends both halves once the remote is up, and of one that was given up no more", () => {
  const world = new World(null, frame("given up"));
  world.up = false;
  assert.deepEqual(world.texts, []);
  assert.equal(world.sizeOf(SPOOL), frame("given up").length);
  for (const text of ["one", "two"]) {
    world.rotate();
    world.append(frame(text));
  }
  world.up = true;
  assert.deepEqual(world.texts, ["one", "two"]);
});

test("Forwarder misses nothing that comes just before a half is full", () => {
  let looks = 0;
  const world: World = new World(null, frame("one"), (kernel) => {
    return new Proxy(kernel, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          // It has found the end, and now looks whether there is another half.
          if (name === "stat" && args[0] === SPOOL && ++looks === 1) {
            world.append(frame("two"));
            world.rotate();
            world.append(frame("three"));
          }
          return member.apply(target, args) as unknown;
        };
      },
    });
  });
  assert.deepEqual(world.texts, ["one", "two", "three"]);
  assert.ok(looks > 1);
});

test("Forwarder passes the start of a message over that a full disk has left, once nothing follows", () => {
  const world = new World(null, frame("one") + frame("torn").slice(0, 20));
  assert.deepEqual(world.texts, ["one"]);
  world.rotate();
  world.append(frame("two"));
  assert.deepEqual(world.texts, ["one", "two"]);
});

test("Forwarder passes over what is no message", () => {
  const world = new World(frame("one") + "no message", frame("two"));
  assert.deepEqual(world.texts, ["one", "two"]);
});

test("Forwarder sends every frame once and in order, however long it is and however little the remote takes at once", () => {
  const length = fc.oneof(fc.nat(100), fc.integer({ min: 20_000, max: 66_000 }));
  const lengths = fc.array(length, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 500, max: 70_000 }), fc.nat(5), (sizes, most, full) => {
      const texts = sizes.map((size, index) => `${index} ${"x".repeat(size)}`);
      const halves = [texts.slice(0, full), texts.slice(full)].map((half) => half.map(frame).join("")) as [
        Bytes,
        Bytes,
      ];
      const world = new World(halves[0], halves[1], (kernel) => {
        return new Proxy(kernel, {
          get(target, name) {
            const member = Reflect.get(target, name) as unknown;
            if (name === "write") return (fd: number, data: Bytes) => target.write(fd, data.slice(0, most));
            return typeof member === "function" ? member.bind(target) : member;
          },
        });
      });
      // What is longer than a frame may be is cut.
      assert.deepEqual(
        world.texts,
        texts.map(
          (text) =>
            readFrames(frame(text)).frames.map(([from, end]) =>
              frame(text)
                .slice(from, end)
                .replace(/^.* - - - /, ""),
            )[0],
        ),
      );
    }),
    { numRuns: 20 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "../../../lib/log/escape.ts";
import { parseJournalMessage } from "../../../lib/log/journal.ts";
import { formatText, parseSyslog } from "../../../lib/log/syslog.ts";
import type { Bytes } from "../sys.ts";
import { type Kill, World } from "./world.fixture.ts";

const RUNS = 12;
const NO_ROTATION = "LOG_ROTATE_SIZE=off\n";
const STAMP = "Nov 14 22:13:21 fake ";
const ISO_STAMP = /^2023-11-14T\d\d:\d\d:\d\d\+00:00 /;

/** Bytes in which newlines are frequent or rare, and long runs without one are usual. */
const piece = fc
  .tuple(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc.oneof(fc.nat(40), fc.integer({ min: 900, max: 4200 }), fc.integer({ min: 16_000, max: 17_000 })),
    fc.constantFrom("", "", "\n"),
  )
  .map(([bytes, length, end]) => {
    const text = String.fromCharCode(...bytes);
    return text.repeat(Math.ceil((length + 1) / text.length)).slice(0, length + 1) + end;
  });
const pieces = fc.array(piece, { minLength: 1, maxLength: 8 });
const kills = fc.array(
  fc.record({ call: fc.integer({ min: 20, max: 120 }), when: fc.constantFrom("before", "after") }),
  {
    maxLength: 2,
  },
) as fc.Arbitrary<Kill[]>;

/** Lets the captured service write the pieces one after another, and returns the world when all is written. */
function capture(settings: Bytes, written: readonly Bytes[], killed: readonly Kill[] = []): World {
  const steps = written.map((text) => (world: World) => world.say(text));
  const world = new World(NO_ROTATION + settings, steps);
  world.run(killed);
  return world;
}

/** What the file has to hold: all that was written, and an end for the last line. */
function whole(text: Bytes): Bytes {
  return text.endsWith("\n") ? text : `${text}\n`;
}

for (const settings of ["", "LOG_TIMESTAMP=iso\n", "LOG_FORMAT=json\n", "LOG_RATE=1000000\n"]) {
  test(`CapturedPipe has in its file all that was written however it is cut, with ${settings.trim() || "the defaults"}`, () => {
    fc.assert(
      fc.property(pieces, kills, (written, killed) => {
        const world = capture(settings, written, killed);
        const file = world.log("/var/log/services/web.log");
        const lines = file.split("\n").slice(0, -1);
        const stamped = settings.includes("iso");
        if (stamped) for (const line of lines) assert.match(line, ISO_STAMP);
        const text = stamped ? lines.map((line) => `${line.replace(ISO_STAMP, "")}\n`).join("") : file;
        assert.ok(text === whole(world.captured), `${text.length} of ${world.captured.length} bytes`);
      }),
      { numRuns: RUNS },
    );
  });
}

test("CapturedPipe has one stamp in each line of its file, and no empty line for the end of a long one", () => {
  const world = capture("LOG_TIMESTAMP=iso\n", ["x".repeat(5000), "rest\n", "y".repeat(5000), "\n", "next\n"]);
  const lines = world.log("/var/log/services/web.log").split("\n").slice(0, -1);
  const texts = lines.map((line) => line.replace(ISO_STAMP, ""));
  assert.deepEqual(texts, [`${"x".repeat(5000)}rest`, "y".repeat(5000), "next"]);
  assert.ok(!/web: $/m.test(world.container), world.container.replace(/(.)\1{9,}/g, "$1*"));
});

/** Datagrams of any bytes, with lengths around those of a slot. */
const datagram = fc
  .tuple(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.oneof(fc.nat(60), fc.integer({ min: 480, max: 540 }), fc.nat(9000)),
  )
  .map(([bytes, length]) =>
    String.fromCharCode(...bytes)
      .repeat(Math.ceil(length / bytes.length))
      .slice(0, length),
  );
const header = fc.constantFrom("<30>", "<30>Nov 21 11:12:34 ", "<30>Nov 21 11:12:34 app: ", "<30>1 - fake app 7 ID - ");

/** Where a datagram's message ends: newlines and NULs after it are no part of it. */
function trimmed(raw: Bytes): Bytes {
  const tail = /[\n\0]*$/.exec(raw.slice(-512)) as RegExpExecArray;
  return raw.slice(0, raw.length - tail[0].length);
}

test("SyslogInput has in its file all that was sent, however messages come together", () => {
  const sent = fc.array(fc.array(fc.tuple(header, datagram), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(sent, kills, (groups, killed) => {
      const raws = groups.map((group) => group.map(([head, text]) => `${head}a${text}`));
      const steps = raws.map((group) => (world: World) => group.forEach((raw) => void world.send(raw)));
      const world = new World(NO_ROTATION, steps);
      world.run(killed);
      const lines = world.log("/var/log/syslog").split("\n").slice(0, -1);
      assert.equal(lines.length, raws.flat().length);
      for (const [index, raw] of raws.flat().entries()) {
        // Before a message without a tag stand its sender's name and pid.
        const line = formatText(parseSyslog(trimmed(raw), "fake"), escapeText);
        assert.ok(
          lines[index]?.endsWith(line),
          `${JSON.stringify(lines[index])} does not end with ${JSON.stringify(line)}`,
        );
      }
    }),
    { numRuns: RUNS },
  );
});

test("SyslogInput has in its file all that clients of the journal sent", () => {
  const value = fc.uint8Array({ maxLength: 3000 }).map((bytes) => String.fromCharCode(...bytes));
  const length = (text: Bytes) => `${String.fromCharCode(text.length & 255, text.length >> 8)}${"\0".repeat(6)}`;
  const field = fc
    .tuple(fc.constantFrom("A", "CODE_LINE", "X_Y"), value)
    .map(([name, it]) => `${name}\n${length(it)}${it}\n`);
  const sent = fc.array(fc.tuple(fc.array(field, { maxLength: 3 }), value), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(sent, kills, (messages, killed) => {
      const raws = messages.map(
        ([others, text]) => `SYSLOG_IDENTIFIER=app\n${others.join("")}MESSAGE\n${length(text)}${text}\n`,
      );
      const world = new World(NO_ROTATION, [(it) => raws.forEach((raw) => void it.send(raw, true))]);
      world.run(killed);
      const lines = world.log("/var/log/syslog").split("\n").slice(0, -1);
      assert.deepEqual(
        lines.map((line) => line.slice(STAMP.length)),
        messages.map(([, text]) => `app: ${escapeText(trimmed(text), false)}`),
      );
      for (const [index, raw] of raws.entries()) assert.equal(parseJournalMessage(raw).text, messages[index]?.[1]);
    }),
    { numRuns: RUNS },
  );
});

import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { signalName, signalNumber } from "./signals.ts";

test("signalNumber() knows every signal of this system under its number", () => {
  const aliases = ["SIGIOT", "SIGPOLL"];
  for (const [name, number] of Object.entries(constants.signals)) {
    if (aliases.includes(name)) continue;
    for (const text of [name, name.slice(3), name.toLowerCase(), `${number}`])
      assert.equal(signalNumber(text), number, text);
    assert.equal(signalName(number), name);
  }
});

test("signalNumber() counts real-time signals from both ends", () => {
  const expected = { RTMIN: 34, "SIGRTMIN+3": 37, "rtmin+30": 64, RTMAX: 64, "RTMAX-1": 63, "SIGRTMAX-30": 34 };
  for (const [text, number] of Object.entries(expected)) assert.equal(signalNumber(text), number, text);
});

test("signalNumber() is null when there is no such signal", () => {
  const texts = [
    "",
    "0",
    "65",
    "-1",
    "SIG",
    "SIGSIGTERM",
    "FOO",
    "15.0",
    " 15",
    "RTMIN+31",
    "RTMIN-1",
    "RTMIN3",
    "RTMAX+1",
    "RTMAX-31",
    "RTMIN+",
  ];
  for (const text of texts) assert.equal(signalNumber(text), null, text);
});

test("signalName() is read back by signalNumber() for every signal that has a name", () => {
  for (let number = 1; number <= 64; number++) {
    if (number !== 32 && number !== 33) assert.equal(signalNumber(signalName(number)), number);
  }
  assert.equal(signalName(99), "signal 99");
});

test("signalNumber() answers any text with null or a signal", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const number = signalNumber(text);
      assert.ok(number === null || (number >= 1 && number <= 64));
    }),
  );
});

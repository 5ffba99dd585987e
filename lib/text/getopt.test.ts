import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseOptions } from "./getopt.ts";

test("parseOptions() splits options, their values and operands", () => {
  assert.deepEqual(parseOptions(["-v", "-w", "1", "up", "-x"], "vw:"), {
    options: [
      ["v", ""],
      ["w", "1"],
    ],
    operands: ["up", "-x"],
  });
  assert.deepEqual(parseOptions(["-vw1", "--", "-v"], "vw:"), {
    options: [
      ["v", ""],
      ["w", "1"],
    ],
    operands: ["-v"],
  });
  assert.deepEqual(parseOptions(["-w", "-1", "-"], "vw:"), { options: [["w", "-1"]], operands: ["-"] });
  assert.deepEqual(parseOptions(["-w", "", "x"], "vw:"), { options: [["w", ""]], operands: ["x"] });
});

test("parseOptions() names the option that is unknown or lacks its value", () => {
  assert.equal(parseOptions(["-vx"], "vw:"), "illegal option -- x");
  assert.equal(parseOptions(["-:"], "vw:"), "illegal option -- :");
  assert.equal(parseOptions(["--v"], "vw:"), "illegal option -- -");
  assert.equal(parseOptions(["-vw"], "vw:"), "option requires an argument -- w");
});

test("parseOptions() leaves no argument out", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom(..."-vwx1"), maxLength: 4 })), (args) => {
      const parsed = parseOptions(args, "vw:");
      if (typeof parsed === "string") return;
      const used = args.length - parsed.operands.length;
      assert.deepEqual(args.slice(used), parsed.operands);
      const letters = args.slice(0, used).join("").replaceAll("-", "").length;
      assert.ok(
        parsed.options.map(([letter, value]) => letter + value.replaceAll("-", "")).join("").length === letters,
      );
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Arguments, parseArguments, USAGE } from "./arguments.ts";

function parsed(args: readonly string[], svwait?: string): Arguments {
  const result = parseArguments(args, svwait);
  assert.ok(typeof result === "object", String(result));
  return result;
}

test("parseArguments() waits 7 seconds, or what SVWAIT says, or what -w says", () => {
  assert.equal(parsed(["start", "web"]).waitMs, 7000);
  assert.equal(parsed(["start", "web"], "").waitMs, 7000);
  assert.equal(parsed(["start", "web"], "3").waitMs, 3000);
  assert.equal(parsed(["-w", "2.5", "start", "web"], "3").waitMs, 2500);
  assert.equal(parsed(["-w0", "start", "web"], "nonsense").waitMs, 0);
});

test("parseArguments() waits with -v, with -w, and for verbs that always do", () => {
  assert.equal(parsed(["up", "web"]).waits, false);
  assert.equal(parsed(["-v", "up", "web"]).waits, true);
  assert.equal(parsed(["-w1", "up", "web"]).waits, true);
  assert.equal(parsed(["start", "web"]).waits, true);
});

test("parseArguments() takes status without a service for all", () => {
  assert.deepEqual(parsed(["status"]).names, []);
  assert.deepEqual(parsed(["status", "a", "-b"]).names, ["a", "-b"]);
});

test("parseArguments() says what is wrong and shows the usage", () => {
  const wrong: readonly (readonly [string[], string])[] = [
    [[], USAGE],
    [["up"], `sv: up which service?\n${USAGE}`],
    [["zzz", "web"], `sv: unknown command "zzz"\n${USAGE}`],
    [["-x"], `sv: illegal option -- x\n${USAGE}`],
    [["-w", "soon", "up", "web"], `sv: cannot use -w "soon": it is not a number of seconds\n${USAGE}`],
  ];
  for (const [args, text] of wrong) assert.equal(parseArguments(args, undefined), text);
  assert.equal(
    parseArguments(["up", "web"], "-1"),
    `sv: cannot use SVWAIT "-1": it is not a number of seconds\n${USAGE}`,
  );
});

test("parseArguments() takes the script's name for the service, whatever else is named", () => {
  const result = parseArguments(["restart", "other"], undefined, "web");
  assert.deepEqual(typeof result === "object" && [result.names, result.waits], [["web"], true]);
  for (const args of [[], ["stat"], ["zzz"], ["-w", "soon", "stop"]])
    assert.match(String(parseArguments(args, undefined, "web")), /usage: web \[-w sec\] status\|pid\|start\|/);
});

test("parseArguments() answers any command line", () => {
  const word = fc.oneof(fc.constantFrom("-v", "-w", "1", "--", "up", "status", "restart", "web", ""), fc.string());
  fc.assert(
    fc.property(
      fc.array(word),
      fc.option(word, { nil: undefined }),
      (args, svwait) => void parseArguments(args, svwait),
    ),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ChpstOptions, parseChpstOptions } from "./options.ts";

function parsed(...args: string[]): ChpstOptions {
  const options = parseChpstOptions(args);
  assert.ok(typeof options === "object", String(options));
  return options;
}

test("parseChpstOptions() changes nothing without options", () => {
  assert.deepEqual(parsed("prog", "-u", "x"), {
    user: null,
    envUser: null,
    argv0: null,
    envDir: null,
    root: null,
    directory: null,
    nice: 0,
    lock: null,
    limits: new Map(),
    session: false,
    close: [],
    command: ["prog", "-u", "x"],
  });
});

test("parseChpstOptions() reads every option", () => {
  const options = parsed(
    "-vP012",
    "-u",
    "app",
    "-Uapp:adm",
    "-b",
    "name",
    "-e",
    "env",
    "-/",
    "root",
    "-C",
    "work",
    "-n",
    "-5",
    "-L",
    "lk",
    "prog",
  );
  assert.deepEqual(
    [options.user, options.envUser, options.argv0, options.envDir, options.root, options.directory],
    ["app", "app:adm", "name", "env", "root", "work"],
  );
  assert.deepEqual(
    [options.nice, options.lock, options.session, options.close],
    [-5, { path: "lk", waits: false }, true, [0, 1, 2]],
  );
});

test("parseChpstOptions() sets limits in the order given, -m four at once", () => {
  assert.deepEqual(
    [...parsed("-m", "9", "-d", "5", "prog").limits],
    [
      [2, 5],
      [3, 9],
      [8, 9],
      [9, 9],
    ],
  );
  assert.deepEqual(parsed("-d", "5", "-m", "9", "prog").limits.get(2), 9);
  assert.deepEqual(
    [...parsed("-t1", "-f2", "-c3", "-p4", "-o5", "prog").limits],
    [
      [0, 1],
      [1, 2],
      [4, 3],
      [6, 4],
      [7, 5],
    ],
  );
});

test("parseChpstOptions() says what is wrong", () => {
  assert.equal(parseChpstOptions([]), "no program to run");
  assert.equal(parseChpstOptions(["-u"]), "option requires an argument -- u");
  assert.equal(parseChpstOptions(["-x", "prog"]), "illegal option -- x");
  assert.equal(parseChpstOptions(["-n", "1.5", "prog"]), 'cannot use -n "1.5": it is not a whole number');
  assert.equal(parseChpstOptions(["-o", "-1", "prog"]), 'cannot use -o "-1": it is not a number');
  assert.equal(parseChpstOptions(["-l", "a", "-L", "b", "prog"]), "only one lock can be held");
});

test("parseChpstOptions() answers any command line", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."-uUbe/nlLmdopfctrvVP012:+x"), maxLength: 5 }),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(word), (args) => void parseChpstOptions(args)));
});

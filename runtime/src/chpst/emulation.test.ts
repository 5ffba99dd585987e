import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEmulation } from "./emulation.ts";
import { HARD_LIMIT, NO_CHANGE } from "./options.ts";

const command = ["child", "-x"];

test("parseEmulation() is null when the name is chpst's own", () => {
  for (const name of ["chpst", "sv", "", "toString"]) assert.equal(parseEmulation(name, command), null, name);
});

test("parseEmulation() reads each command of daemontools", () => {
  const rows: readonly (readonly [string, string[], object])[] = [
    ["setuidgid", ["app"], { user: "app" }],
    ["envuidgid", ["app"], { envUser: "app" }],
    ["envdir", ["/env"], { envDir: "/env" }],
    ["pgrphack", [], { session: true }],
    ["setlock", ["lk"], { lock: { path: "lk", waits: true, quiet: false } }],
    ["setlock", ["-nx", "lk"], { lock: { path: "lk", waits: false, quiet: true } }],
    ["setlock", ["-nxNX", "lk"], { lock: { path: "lk", waits: true, quiet: false } }],
    [
      "softlimit",
      ["-o", "5", "-s=", "-m", "9"],
      {
        limits: new Map([
          [7, 5],
          [3, 9],
          [2, 9],
          [8, 9],
          [9, 9],
        ]),
      },
    ],
    [
      "softlimit",
      ["-m", "9", "-s", "="],
      {
        limits: new Map([
          [2, 9],
          [3, HARD_LIMIT],
          [8, 9],
          [9, 9],
        ]),
      },
    ],
  ];
  for (const [name, args, change] of rows)
    assert.deepEqual(parseEmulation(name, [...args, ...command]), { ...NO_CHANGE, ...change, command }, name);
});

test("parseEmulation() says what is wrong and shows the usage", () => {
  for (const [name, args, text] of [
    ["setuidgid", ["app"], /^setuidgid: no program to run\nusage: setuidgid account child$/],
    ["envdir", [], /^envdir: no program to run\n/],
    ["setlock", ["-q", "lk", "child"], /^setlock: illegal option -- q\n/],
    ["softlimit", ["-o", "x", "child"], /^softlimit: cannot use -o "x": it is not a number/],
    ["softlimit", ["-o"], /^softlimit: option requires an argument -- o\n/],
  ] as const)
    assert.match(String(parseEmulation(name, args)), text);
});

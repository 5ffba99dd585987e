import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { ssh } from "./ssh.ts";

for (const [args, problem] of [
  [[], "which container?"],
  [["-t", "-l", "app"], "which container?"],
  [["-i"], "option requires an argument -- i"],
  [["-p", "22", "web"], "illegal option -- p"],
] as const) {
  test(`ssh.parse() refuses ${JSON.stringify(args)}`, () => {
    deepEqual(ssh.parse(args), { problem });
  });
}

test("ssh.parse() leaves the options of the command alone", () => {
  equal(typeof ssh.parse(["-l", "app", "-o", "A=b", "-o", "C=d", "-t", "web", "ls", "-p"]), "function");
});

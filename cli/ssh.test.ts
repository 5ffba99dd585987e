import { equal } from "node:assert/strict";
import { test } from "node:test";
import { ssh } from "./ssh.ts";
import { parse } from "./verb.ts";

for (const [args, problem] of [
  [[], "which container?"],
  [[""], "which container?"],
  [["-t", "-l", "app"], "which container?"],
  [["-i"], "option requires an argument -- i"],
  [["-p", "22", "web"], "illegal option -- p"],
] as const) {
  test(`parse() of ssh refuses ${JSON.stringify(args)}`, () => {
    equal(parse(ssh, args), problem);
  });
}

test("parse() of ssh leaves the options of the command alone", () => {
  equal(typeof parse(ssh, ["-l", "app", "-o", "A=b", "-o", "C=d", "-t", "web", "ls", "-p"]), "function");
});

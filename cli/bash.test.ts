import { deepEqual, equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { bash, commandLine } from "./bash.ts";
import { parse } from "./verb.ts";

for (const [args, problem] of [
  [[], "which container?"],
  [[""], "which container?"],
  [["-u"], "option requires an argument -- u"],
  [["-x", "web"], "illegal option -- x"],
  [["-u", "root"], "which container?"],
] as const) {
  test(`parse() of bash refuses ${JSON.stringify(args)}`, () => {
    equal(parse(bash, args), problem);
  });
}

test("parse() of bash leaves the options of the command alone", () => {
  equal(typeof parse(bash, ["-u", "app", "web", "ls", "-u", "-x"]), "function");
});

test("commandLine() opens the best shell there is, and runs a command without a shell where there is none", () => {
  deepEqual(commandLine("bash", []), ["bash", "-l"]);
  deepEqual(commandLine("sh", []), ["sh", "-l"]);
  deepEqual(commandLine("none", ["/app", "-x"]), ["/app", "-x"]);
});

for (const words of [
  ["printf", "<%s>", "two words", "it's", "$HOME", "", "*"],
  ["sh", "-c", "exit 7"],
]) {
  test(`commandLine() keeps the words of ${JSON.stringify(words)} and the exit code`, () => {
    const [program = "", ...args] = commandLine("sh", words);
    const direct = spawnSync(words[0] ?? "", words.slice(1), { encoding: "utf8" });
    const wrapped = spawnSync(program, args, { encoding: "utf8" });
    deepEqual([wrapped.stdout, wrapped.status], [direct.stdout, direct.status]);
  });
}

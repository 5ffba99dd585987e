import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { help, type Options, parseOptions } from "./options.ts";

const DEFAULTS: Options = {
  enableInsecureKey: false,
  skipStartupFiles: false,
  skipServices: false,
  killAllOnExit: true,
  quiet: false,
  stopSignals: [],
  mainCommand: [],
};

const CASES: readonly [args: string, expected: Partial<Options> | "help" | "usage" | "conflict"][] = [
  ["", {}],
  ["-h", "help"],
  ["--help", "help"],
  ["--he", "help"],
  ["--quiet --help", "help"],
  ["--quiet", { quiet: true }],
  ["--qu", { quiet: true }],
  ["--skip-r -- true", { skipServices: true, mainCommand: ["true"] }],
  ["--skip-startup-files", { skipStartupFiles: true }],
  ["--enable-insecure-key", { enableInsecureKey: true }],
  ["--no-kill-all-on-exit", { killAllOnExit: false }],
  ["--no", { killAllOnExit: false }],
  ["sh -c x", { mainCommand: ["sh", "-c", "x"] }],
  ["-- sh -c x", { mainCommand: ["sh", "-c", "x"] }],
  ["-- sh -- x", { mainCommand: ["sh", "--", "x"] }],
  ["sh --quiet", { mainCommand: ["sh", "--quiet"] }],
  ["-- --quiet", { mainCommand: ["--quiet"] }],
  ["-", { mainCommand: ["-"] }],
  ["--stop-signal QUIT", { stopSignals: [3] }],
  ["--stop-signal=SIGRTMIN+3 --stop-signal 10", { stopSignals: [37, 10] }],
  ["--stop-signal", "usage"],
  ["--stop-signal NONE", "usage"],
  ["--quiet=yes", "usage"],
  ["--skip", "usage"],
  ["--", {}],
  ["-x", "usage"],
  ["-q", "usage"],
  ["--nonsense", "usage"],
  ["--skip-runit", "conflict"],
  ["--skip-runit --", "conflict"],
];

for (const [args, expected] of CASES) {
  test(`parseOptions() reads "${args}"`, () => {
    const parsed = parseOptions(args.split(" ").filter((word) => word !== ""));
    if (typeof expected === "string") assert.equal(parsed.kind, expected);
    else assert.deepEqual(parsed, { kind: "run", options: { ...DEFAULTS, ...expected } });
  });
}

test("parseOptions() names the options that an ambiguous one could be", () => {
  const parsed = parseOptions(["--skip"]);
  assert.ok(parsed.kind === "usage" && /--skip-startup-files, --skip-runit/.test(parsed.problem));
});

test("parseOptions() gives every word after -- to the main command as it is", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const parsed = parseOptions(["--", ...words]);
      assert.ok(parsed.kind === "run");
      assert.deepEqual(parsed.options.mainCommand, words);
    }),
  );
});

test("parseOptions() answers any words", () => {
  fc.assert(fc.property(fc.array(fc.string()), (words) => void parseOptions(words)));
});

test("help() shows every option that parseOptions() knows", () => {
  for (const [flag] of [...help().matchAll(/--[a-z-]+/g)]) {
    assert.notEqual(parseOptions([flag, "TERM", "true"]).kind, "usage", flag);
  }
  assert.equal([...help().matchAll(/--[a-z-]+/g)].length, 7);
});

import { deepEqual, doesNotMatch, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bashScript } from "./completion/bash.ts";
import { hint, programs } from "./completion/words.ts";
import { completion } from "./completion.ts";
import { engineStubs } from "./test/engine-stubs.ts";
import { parse } from "./verb.ts";
import { verbs } from "./verbs.ts";

const { directory, env } = engineStubs();
writeFileSync(join(directory, "completion"), bashScript(verbs));

/** What bash offers for the last word. */
function offers(words: readonly string[], more: Record<string, string> = {}): string[] {
  const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shipshape; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ["--norc", "-c", script, join(directory, "completion"), ...words];
  const output = execFileSync("bash", args, { encoding: "utf8", env: { ...env, ...more } });
  return output.split("\n").filter((line) => line !== "");
}

for (const [words, expected] of [
  [["shipshape", ""], Object.keys(verbs)],
  [["shipshape", "s"], ["ssh"]],
  [
    ["shipshape", "completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [
    ["shipshape", "bash", "w"],
    ["web", "worker", "wonder"],
  ],
  [["shipshape", "frob", ""], []],
  [["docker-bash", "we"], ["web"]],
  [["/usr/local/bin/docker-bash", "-u", "root", "wor"], ["worker"]],
  [["docker-ssh", "-t", "-l", "root", "-o", "A=b", "web"], ["web"]],
  [["docker-ssh", "-l", "w"], []],
  [["docker-ssh", "-i", "/etc/passw"], ["/etc/passwd"]],
  [["docker-bash", "web", "w"], []],
] as const) {
  test(`bashScript() completes ${words.join(" ")}|`, () => {
    const offered = offers(words);
    deepEqual(
      offered.filter((word) => word !== "/etc/passwd-"),
      expected,
    );
  });
}

test("bashScript() asks one engine when one is chosen", () => {
  deepEqual(offers(["docker-bash", "w"], { SHIPSHAPE_ENGINE: "podman" }), ["wonder"]);
});

test("programs() are those that the package installs", () => {
  const { bin } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    bin: Record<string, string>;
  };
  deepEqual(programs(verbs), Object.keys(bin));
});

test("hint() of every text needs no quoting", () => {
  for (const { summary, options } of Object.values(verbs)) {
    for (const text of [summary, ...options.map(({ help }) => help)]) doesNotMatch(hint(text), /[^\w ()-]/);
  }
});

test("completion() knows three shells", () => {
  const verb = completion(() => verbs);
  for (const shell of ["bash", "zsh", "fish"]) equal(typeof parse(verb, [shell]), "function");
  for (const args of [["tcsh"], [], ["bash", "zsh"]]) equal(parse(verb, args), "which shell? It knows bash, zsh, fish");
});

import { deepEqual, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { completion, completionScript } from "./completion.ts";

const verbs = ["bash", "ssh", "completion"];
const directory = mkdtempSync(join(tmpdir(), "shipshape-completion-"));
after(() => rmSync(directory, { recursive: true }));
for (const [engine, names] of [
  ["docker", "web worker"],
  ["podman", "wonder"],
] as const) {
  writeFileSync(join(directory, engine), `#!/bin/sh\n[ "$1" = ps ] && printf '%s\\n' ${names}\n`);
  chmodSync(join(directory, engine), 0o755);
}
writeFileSync(join(directory, "completion"), completionScript(verbs));

/** What bash offers for the last word. */
function offers(words: readonly string[], env: Record<string, string> = {}): string[] {
  const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shipshape; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["--norc", "-c", script, join(directory, "completion"), ...words], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${directory}:${process.env.PATH}`, ...env },
  });
  return output.split("\n").filter((line) => line !== "");
}

for (const [words, expected] of [
  [["shipshape", ""], verbs],
  [["shipshape", "s"], ["ssh"]],
  [["shipshape", "completion", ""], ["bash"]],
  [
    ["shipshape", "bash", "w"],
    ["web", "worker", "wonder"],
  ],
  [["shipshape", "frob", ""], []],
  [["docker-bash", "we"], ["web"]],
  [["/usr/local/bin/docker-bash", "-u", "root", "wor"], ["worker"]],
  [["docker-ssh", "-t", "-l", "root", "-o", "A=b", "web"], ["web"]],
  [["docker-ssh", "-l", "w"], []],
  [["docker-bash", "web", "w"], []],
] as const) {
  test(`completionScript() completes ${words.join(" ")}|`, () => {
    deepEqual(offers(words), expected);
  });
}

test("completionScript() asks one engine when one is chosen", () => {
  deepEqual(offers(["docker-bash", "w"], { SHIPSHAPE_ENGINE: "podman" }), ["wonder"]);
});

test("completion.parse() knows bash only", () => {
  equal(typeof completion(verbs).parse(["bash"]), "function");
  deepEqual(completion(verbs).parse(["zsh"]), { problem: "bash is the only shell that it knows" });
  deepEqual(completion(verbs).parse([]), { problem: "bash is the only shell that it knows" });
});

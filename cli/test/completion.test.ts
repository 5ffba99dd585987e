import { deepEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { needDebianPackages } from "../../tools/debian.ts";
import { fishScript } from "../completion/fish.ts";
import { zshScript } from "../completion/zsh.ts";
import { verbs } from "../verbs.ts";
import { engineStubs } from "./engine-stubs.ts";

const { directory, env } = engineStubs();
const options = { encoding: "utf8", env: { ...env, TERM: "dumb" }, timeout: 180_000 } as const;
before(() => needDebianPackages(["fish", "zsh"]));

for (const [line, expected] of [
  ["shipshape ", Object.keys(verbs)],
  ["shipshape s", ["ssh"]],
  ["shipshape completion ", ["bash", "fish", "zsh"]],
  ["shipshape bash w", ["web", "wonder", "worker"]],
  ["/usr/bin/shipshape ssh -", ["-i", "-l", "-o", "-t"]],
  ["docker-bash we", ["web"]],
  ["docker-ssh -t -l root -o A=b wor", ["worker"]],
  ["docker-ssh -l w", []],
  ["docker-ssh -i /etc/os-rel", ["/etc/os-release"]],
  ["docker-bash web w", []],
] as const) {
  test(`fishScript() completes ${line}|`, () => {
    writeFileSync(join(directory, "shipshape.fish"), fishScript(verbs));
    const script = `source ${directory}/shipshape.fish; complete -C "$argv[1]"`;
    const output = execFileSync("fish", ["--no-config", "-c", script, line], options);
    const words = output.split("\n").flatMap((row) => row.split("\t")[0] || []);
    deepEqual(words.sort(), [...expected].sort());
  });
}

/** Types the first word in an interactive zsh, and a tab; ends when what the pattern says has appeared. */
const TYPE = `
zmodload zsh/zpty
zpty z 'zsh -f -i'
zpty -w z "fpath=($1 \\$fpath); autoload -Uz compinit; compinit -D -u; print INI''T"
zpty -r z out '*INIT*'
zpty -w -n z "$2"$'\\t\\t'
zpty -r z out "$3"
`;

for (const [line, pattern] of [
  ["shipshape ", "*bash *open a shell in a container*completion *ssh *log in to a container by SSH*"],
  ["shipshape s", "*shipshape ssh *"],
  ["shipshape completion z", "*shipshape completion zsh *"],
  ["shipshape bash wor", "*shipshape bash worker *"],
  ["shipshape ssh -", "*-i *-l *-o *-t *"],
  ["docker-bash -u root we", "*docker-bash -u root web *"],
  ["docker-ssh -i /etc/os-rel", "*docker-ssh -i /etc/os-release *"],
  ["docker-ssh -t wond", "*docker-ssh -t wonder *"],
] as const) {
  test(`zshScript() completes ${line}|`, () => {
    writeFileSync(join(directory, "_shipshape"), zshScript(verbs));
    execFileSync("zsh", ["-f", "-c", TYPE, "zsh", directory, line, pattern], options);
  });
}

/**
 * `interface Sys` and the native functions list the same calls, and the runtime makes each. The build fails as well when the lists
 * differ, but later and in the compiler's words. Run: `node tools/run.mjs tools/checks/check-sys.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCalls } from "../runtime/calls.ts";
import { projectFiles } from "../setup/files.ts";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/**
 * @param declared text of runtime/src/sys.ts
 * @param native text of runtime/native/sys.c
 * @param source text of the runtime's TypeScript
 * @returns one line per call that only one of the first two has, or that the runtime never makes
 */
export function sysFindings(declared: string, native: string, source: string): string[] {
  const calls = new Set(systemCalls(declared).map(({ name }) => name));
  const functions = new Set(
    [...native.matchAll(/^SYS\((\w+)\) \{|\bDIRECT\((\w+)/gm)].map(([, own, direct]) => own ?? direct),
  );
  functions.delete("name"); // the macro's own definition
  const made = new Set([...source.matchAll(/\bsys\.(\w+)/g)].map(([, name]) => name));
  return [
    ...[...calls]
      .filter((name) => !functions.has(name))
      .map((name) => `runtime/native/sys.c has no function of Sys.${name}`),
    ...[...functions]
      .filter((name) => !calls.has(name ?? ""))
      .map((name) => `interface Sys has no ${name}, but runtime/native/sys.c does`),
    ...[...calls]
      .filter((name) => !made.has(name))
      .map((name) => `nothing in runtime/src calls Sys.${name}: remove it`),
  ];
}

/**
 * @param declared text of runtime/src/sys.ts
 * @param header text of runtime/native/native.h
 * @returns one line per bit of spawn()'s flags that both do not have with the same value
 */
export function spawnFlagFindings(declared: string, header: string): string[] {
  const body = /enum SpawnFlag \{(.*?)\n\}/s.exec(declared)?.[1] ?? "";
  const bits = (text: string, entry: RegExp) =>
    [...text.matchAll(entry)].map(([, name = "", value]) => `${name.toUpperCase()} = ${value}`);
  const ours = bits(body, /(\w+) = (\d+),/g).filter((bit) => bit !== "NONE = 0");
  const theirs = bits(header, /\bSPAWN_(\w+) = (\d+)/g);
  if (ours.length === 0 || theirs.length === 0)
    throw new Error("cannot find SpawnFlag in sys.ts or SPAWN_* in native.h");
  const missing = (from: readonly string[], other: readonly string[]) => from.filter((bit) => !other.includes(bit));
  return [
    ...missing(ours, theirs).map((bit) => `runtime/native/native.h has no SPAWN_${bit}, but SpawnFlag does`),
    ...missing(theirs, ours).map((bit) => `SpawnFlag has no ${bit}, but runtime/native/native.h does`),
  ];
}

/**
 * A FIFO in a file's place must not stop PID 1, which opens what images and users put there.
 * @param files text of the runtime's TypeScript by path
 * @returns one line per call of `open` that could wait for another process
 */
export function openFindings(files: ReadonlyMap<string, string>): string[] {
  // A descriptor of our own is opened again by its name in /proc: its pipe has both ends.
  const waiting = (call: string) => /\bOpen\./.test(call) && !/NonBlock|Exclusive|`\/proc\/self\/fd\//.test(call);
  return [...files].flatMap(([path, text]) =>
    [...text.matchAll(/\bsys\.open\(([^;]*?), [\w]+\)/g)]
      .filter(([call]) => waiting(call))
      .map(([call]) => `${path}: ${call} waits where a FIFO has the name: use openFile(), or add Open.NonBlock`),
  );
}

if (isMain(import.meta.url)) {
  const text = (path: string) => readFileSync(join(top, path), "utf8");
  const sources = projectFiles(join(top, "runtime/src"), ".ts").filter((path) => !/^fake\/|\.test\.ts$/.test(path));
  const declared = text("runtime/src/sys.ts");
  const files = new Map(sources.map((path) => [`runtime/src/${path}`, text(`runtime/src/${path}`)]));
  const source = [...files.values()].join("");
  const findings = [...sysFindings(declared, text("runtime/native/sys.c"), source), ...openFindings(files)];
  findings.push(...spawnFlagFindings(declared, text("runtime/native/native.h")));
  verdict(findings, `${systemCalls(declared).length} system calls`);
}

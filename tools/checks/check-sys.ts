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

if (isMain(import.meta.url)) {
  const text = (path: string) => readFileSync(join(top, path), "utf8");
  const sources = projectFiles(join(top, "runtime/src"), ".ts").filter((path) => !/^fake\/|\.test\.ts$/.test(path));
  const declared = text("runtime/src/sys.ts");
  const source = sources.map((path) => text(`runtime/src/${path}`)).join("");
  verdict(sysFindings(declared, text("runtime/native/sys.c"), source), `${systemCalls(declared).length} system calls`);
}

/**
 * `interface Sys` and the native functions list the same calls. The build fails as well when they do not, but later and in the
 * compiler's words. Run: `node tools/run.mjs tools/check-sys.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCalls } from "./runtime/calls.ts";
import { isMain } from "./setup/main.ts";
import { top } from "./setup/places.ts";
import { verdict } from "./setup/verdict.ts";

/**
 * @param declared text of runtime/src/sys.ts
 * @param native text of runtime/native/sys.c
 * @returns one line per call that only one of them has
 */
export function sysFindings(declared: string, native: string): string[] {
  const calls = new Set(systemCalls(declared).map(({ name }) => name));
  const functions = new Set(
    [...native.matchAll(/^SYS\((\w+)\) \{|\bDIRECT\((\w+)/gm)].map(([, own, direct]) => own ?? direct),
  );
  functions.delete("name"); // the macro's own definition
  return [
    ...[...calls]
      .filter((name) => !functions.has(name))
      .map((name) => `runtime/native/sys.c has no function of Sys.${name}`),
    ...[...functions]
      .filter((name) => !calls.has(name ?? ""))
      .map((name) => `interface Sys has no ${name}, but runtime/native/sys.c does`),
  ];
}

if (isMain(import.meta.url)) {
  const text = (path: string) => readFileSync(join(top, path), "utf8");
  const declared = text("runtime/src/sys.ts");
  verdict(sysFindings(declared, text("runtime/native/sys.c")), `${systemCalls(declared).length} system calls`);
}

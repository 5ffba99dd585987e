/**
 * Puts the exact `.ts` positions into the stack traces of the runtime: `docker logs ID 2>&1 | node tools/run.mjs tools/resolve-trace.ts`.
 * The source maps are those that `npm run build:runtime` left beside the binary: build the version that the trace is from.
 */
import { existsSync, readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join, relative, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { hostArch } from "./runtime/arch.ts";
import { dist } from "./runtime/compiler.ts";
import { isMain } from "./setup/main.ts";
import { top } from "./setup/places.ts";

/**
 * Replaces every `NAME.js:LINE:COLUMN` that a source map knows; everything else stays as it is.
 *
 * @param dir directory of the source maps `NAME.js.map`
 * @returns the text with paths from the repository's root
 */
export function resolveTrace(trace: string, dir: string): string {
  const maps = new Map<string, SourceMap | null>();
  return trace.replaceAll(/([\w-]+\.js):(\d+):(\d+)/g, (position, name: string, line: string, column: string) => {
    const path = join(dir, `${name}.map`);
    let map = maps.get(path);
    if (map === undefined) {
      map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, "utf8")) as SourceMapPayload) : null;
      maps.set(path, map);
    }
    const entry = map?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry === undefined || !("originalSource" in entry)) return position;
    const source = relative(top, resolve(dir, entry.originalSource));
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

if (isMain(import.meta.url)) {
  process.stdout.write(resolveTrace(await text(process.stdin), dist({ arch: hostArch(), variant: "release" })));
}

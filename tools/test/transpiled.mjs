// Module hooks: a TypeScript file of the project becomes JavaScript by esbuild, once per content. The result stays in the cache: tsx
// transpiles in each process, which costs more processor time than most test files.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(top, ".cache/transpiled");
/** Belongs to the content's digest: other settings give another result. */
const SETTINGS = /** @type {const} */ ({ loader: "ts", format: "esm", target: "node20", sourcemap: "inline" });

/**
 * @param {string} url
 * @param {unknown} context
 * @param {(url: string, context: unknown) => unknown} next
 */
export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
  const path = fileURLToPath(url);
  return { format: "module", shortCircuit: true, source: await transpiled(path, readFileSync(path, "utf8")) };
}

/**
 * @param {string} path
 * @param {string} source
 */
async function transpiled(path, source) {
  const digest = createHash("sha256")
    .update(JSON.stringify([SETTINGS, path]))
    .update(source)
    .digest("hex");
  // One file per source file, so that nothing piles up: its first line is the digest.
  const kept = join(cache, `${relative(top, path).replaceAll("/", "+")}.mjs`);
  const head = `//${digest}\n`;
  const last = readIfThere(kept);
  if (last.startsWith(head)) return last;
  const { transform } = await import("esbuild");
  const { code } = await transform(source, { ...SETTINGS, sourcefile: path });
  mkdirSync(cache, { recursive: true });
  const unfinished = `${kept}.${process.pid}`;
  writeFileSync(unfinished, head + code);
  renameSync(unfinished, kept);
  return head + code;
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

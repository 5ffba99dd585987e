// The entry of every npm script: `node tools/run.mjs SCRIPT.ts [ARGUMENT ...]` works right after a clone. It installs the npm
// packages when they are missing or stale and then runs the TypeScript file in this process.
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installDependencies } from "./setup/dependencies.mjs";

const OLDEST_NODE = 20;

const script = process.argv[2] ?? fail("usage: node tools/run.mjs SCRIPT.ts [ARGUMENT ...]");
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  fail(`cannot run on Node.js ${process.versions.node}: version ${OLDEST_NODE} or newer is needed`);
}
const top = dirname(dirname(fileURLToPath(import.meta.url)));
try {
  installDependencies(top);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

const path = resolve(top, script);
process.argv.splice(1, 2, path);
const { register } = await import("tsx/esm/api");
register();
try {
  await import(pathToFileURL(path).href);
} catch (error) {
  // What the project's own errors say is complete; a bug needs its stack.
  fail(error instanceof Error && error.message.startsWith("cannot ") ? error.message : error);
}

/**
 * @param {unknown} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

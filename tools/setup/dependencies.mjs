// Plain JavaScript without dependencies: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Why `npm ci` has to run: the first difference between the lock file and what is installed, or `null` when there is none.
 * npm leaves out optional packages made for other systems, so a missing optional package is no difference.
 *
 * @param {{ packages: Record<string, { version?: string, optional?: boolean }> }} wanted `package-lock.json`
 * @param {{ packages: Record<string, { version?: string }> } | null} installed `node_modules/.package-lock.json`
 * @returns {string | null}
 */
export function staleReason(wanted, installed) {
  if (installed === null) return "node_modules is missing";
  for (const [path, { version, optional }] of Object.entries(wanted.packages)) {
    if (path === "") continue;
    const present = installed.packages[path];
    if (present === undefined && optional) continue;
    if (present?.version !== version) return `${path} is ${present?.version ?? "missing"}, ${version} is wanted`;
  }
  return null;
}

/**
 * Installs the npm packages of the lock file unless exactly these are installed.
 *
 * @param {string} top the repository's root directory
 */
export function installDependencies(top) {
  const installedLock = join(top, "node_modules/.package-lock.json");
  const wanted = JSON.parse(readFileSync(join(top, "package-lock.json"), "utf8"));
  const installed = existsSync(installedLock) ? JSON.parse(readFileSync(installedLock, "utf8")) : null;
  const reason = staleReason(wanted, installed);
  if (reason === null) return;

  const logPath = join(top, ".cache/log/npm-ci.log");
  mkdirSync(join(top, ".cache/log"), { recursive: true });
  console.log(`installing npm packages (${reason}), details in .cache/log/npm-ci.log`);
  const log = openSync(logPath, "w");
  const { status, signal, error } = spawnSync("npm", ["ci", "--no-progress"], {
    cwd: top,
    stdio: ["ignore", log, log],
    timeout: 300_000,
  });
  if (status === 0) return;
  const cause =
    error?.message ?? (signal === null ? `npm ci ended with status ${status}` : `npm ci ended by ${signal}`);
  throw new Error(
    `cannot install npm packages: ${cause}\n${readFileSync(logPath, "utf8").split("\n").slice(-20).join("\n")}`,
  );
}

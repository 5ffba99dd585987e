/**
 * No file names a package registry's host or a path of the machine it was written on: the project has to work behind any mirror and
 * in any directory. The hosts are those that this machine's npm and apt are set up with.
 * Run: `node tools/run.mjs tools/checks/check-hosts.ts`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../host/command.ts";
import { projectFiles } from "../setup/files.ts";
import { isMain } from "../setup/main.ts";
import { top } from "../setup/places.ts";
import { verdict } from "../setup/verdict.ts";

/** Directories that every machine has: their names give nothing away. */
const COMMON_DIRECTORIES = /^\/(?:tmp|root|home|home\/[^/]+|opt|srv|src|usr\/src|usr\/local\/src|var\/tmp|mnt|media)?$/;

/** Hosts of the web addresses in a text; local ones and numbers are no registry's name. */
export function hostsIn(text: string): string[] {
  const hosts = [...text.matchAll(/https?:\/\/(?:[^\s/@]*@)?([^\s/:"']+)/g)].map(([, host = ""]) => host.toLowerCase());
  return [...new Set(hosts)].filter((host) => host.includes(".") && !/^[\d.]+$/.test(host)).sort();
}

/** The words that must not be in the project when it lies in `root`: its path, and the parent's unless every machine has one of that name. */
export function machinePaths(root: string): string[] {
  const parent = dirname(root);
  return [root, parent].filter((path) => !COMMON_DIRECTORIES.test(path)).map((path) => `${path}/`);
}

/** One line per line of a file that has one of the words in it. */
export function hostFindings(files: ReadonlyMap<string, string>, words: readonly string[]): string[] {
  const findings: string[] = [];
  for (const [path, text] of files) {
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      const word = words.find((word) => names(line, word));
      if (word !== undefined) findings.push(`${path}:${index + 1}: must not name ${word}`);
    }
  }
  return findings;
}

/** A path counts where it begins, not as the middle of another one. */
function names(line: string, word: string): boolean {
  const at = line.toLowerCase().indexOf(word.toLowerCase());
  return at >= 0 && !(word.startsWith("/") && /[\w.-]/.test(line[at - 1] ?? ""));
}

async function registryHosts(): Promise<string[]> {
  const npm = await run("npm", ["config", "get", "registry"], { cwd: top });
  const apt = ["/etc/apt/sources.list", ...listOf("/etc/apt/sources.list.d")].filter(existsSync);
  return hostsIn([npm.stdout, ...apt.map((path) => readFileSync(path, "utf8"))].join("\n"));
}

function listOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

if (isMain(import.meta.url)) {
  const words = [...(await registryHosts()), ...machinePaths(top)];
  const files = new Map(projectFiles(top).map((path) => [path, readFileSync(join(top, path), "utf8")]));
  const findings =
    files.size === 0 || words.length === 0 ? ["no file or no host was seen: this check sees nothing"] : [];
  verdict([...findings, ...hostFindings(files, words)], `${files.size} files, for ${words.length} words`);
}

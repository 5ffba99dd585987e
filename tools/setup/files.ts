import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** What git ignores: installed, generated or cached. */
const NOT_OURS = new Set([".git", "node_modules", "dist", ".cache"]);

/**
 * Paths of the repository's own files, relative to `root`, sorted.
 * @param endings what the names end in, such as `.ts`; every file without
 */
export function projectFiles(root: string, ...endings: string[]): string[] {
  const found: string[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (NOT_OURS.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && (endings.length === 0 || endings.some((ending) => entry.name.endsWith(ending)))) {
        found.push(relative(root, path));
      }
    }
  };
  visit(root);
  return found.sort();
}

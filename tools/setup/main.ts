import { pathToFileURL } from "node:url";

/** True when the module is the program that Node was asked to run, not an import of it. @param url `import.meta.url` */
export function isMain(url: string): boolean {
  return process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === url;
}

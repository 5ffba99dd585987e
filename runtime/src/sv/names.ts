import type { Refusal } from "../../../lib/control/protocol.ts";
import { isDirectory } from "../base/files.ts";
import { type Bytes, Errno, type Sys } from "../sys.ts";

const DEFAULT_DIRECTORY = "/etc/service";

/** runit's words for what is wrong with a service directory. */
const WORDS: Readonly<Record<number, string>> = {
  [Errno.ENOENT]: "file does not exist",
  [Errno.EACCES]: "access denied",
  [Errno.ENOTDIR]: "not a directory",
};

/** What the names on `sv`'s command line mean. */
export class Names {
  readonly #sys: Sys;
  readonly #svdir: Bytes;

  /** @param svdir the variable `SVDIR`, or `""` */
  constructor(sys: Sys, svdir: Bytes) {
    this.#sys = sys;
    this.#svdir = svdir;
  }

  /** The service's target in the control protocol, or why the name cannot mean one. */
  resolve(name: Bytes): { readonly target: Bytes } | { readonly reason: string } {
    if (name === "") return { reason: this.#unusable(Errno.ENOENT) };
    if (this.#svdir === "" && !isPath(name)) return { target: name };
    const real = this.#sys.realpath(this.#pathOf(name));
    return typeof real === "number" ? { reason: this.#unusable(-real) } : { target: real };
  }

  /** Whether the refusal only means that nobody supervises the directory. */
  isUnsupervised(name: Bytes, refusal: Refusal): boolean {
    return refusal.code === "no-service" && isDirectory(this.#sys, this.#pathOf(name));
  }

  /** Why the init refused, in runit's words where it has them. */
  explain(name: Bytes, refusal: Refusal): string {
    if (refusal.code !== "no-service") return refusal.text;
    if (this.isUnsupervised(name, refusal)) return "runsv not running";
    const stat = this.#sys.stat(this.#pathOf(name));
    return this.#unusable(typeof stat === "number" ? -stat : Errno.ENOTDIR);
  }

  #pathOf(name: Bytes): Bytes {
    return isPath(name) ? name : `${this.#svdir || DEFAULT_DIRECTORY}/${name}`;
  }

  #unusable(errno: number): string {
    return `unable to change to service directory: ${WORDS[errno] ?? this.#sys.strerror(errno)}`;
  }
}

/** @see sv(8): a service that starts with a dot or slash, or ends with a slash, is a path */
function isPath(name: Bytes): boolean {
  return name.startsWith("/") || name.startsWith(".") || name.endsWith("/");
}

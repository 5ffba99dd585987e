import { fileOfValue, isUsableName, PERSONAL, toJson, toShell, valueOfFile } from "../../../lib/linux/environment.ts";
import { readFile, replaceFile, writeFile } from "../base/files.ts";
import type { Messages } from "../base/messages.ts";
import { type Bytes, Errno, Mode, type Sys } from "../sys.ts";

const DIRECTORY = "/etc/container_environment";
/** One longer entry would make every `execve(2)` fail: MAX_ARG_STRLEN. @see execve(2) */
const MAX_ENTRY_BYTES = 131_072;
/** Everything in one file, for shells and for programs. */
const DUMPS = [
  [`${DIRECTORY}.sh`, toShell],
  [`${DIRECTORY}.json`, toJson],
] as const;
/** Group `docker_env` of the image: who may read the dumps. */
const OWNER = { mode: 0o640, uid: 0, gid: 8377 } as const;
/** The directory itself is closed (0700); an image may open it, and then its files are to be readable, as in phusion's. */
const FILE_MODE = 0o644;

/** The environment directory: one file per variable, and its two dumps for shells and programs. */
export class ContainerEnvironment {
  readonly #sys: Sys;
  readonly #messages: Messages;
  /** What the container was started with. */
  readonly #initial: ReadonlyMap<Bytes, Bytes>;
  readonly #warned = new Set<Bytes>();
  /** Variables of ours that no file holds, because their name cannot be one or nothing can be written. */
  readonly #unexported = new Set<Bytes>();
  /** What tells each dump from one that somebody else has changed since. */
  readonly #dumped = new Map<Bytes, string>();
  /** The environment of everything that is started from now on. */
  variables: Map<Bytes, Bytes>;

  constructor(sys: Sys, messages: Messages, initial: ReadonlyMap<Bytes, Bytes>) {
    this.#sys = sys;
    this.#messages = messages;
    this.#initial = initial;
    this.variables = new Map(initial);
  }

  /** At boot: the directory fills what the container was not given, and gets all the rest. */
  begin(): void {
    const directory = this.#read();
    if (directory === null) return;
    for (const [name, value] of directory) if (!this.variables.has(name)) this.variables.set(name, value);
    for (const [name, value] of this.variables) {
      if (PERSONAL.includes(name) || directory.get(name) === value) continue;
      const path = `${DIRECTORY}/${name}`;
      const result = isUsableName(name) ? writeFile(this.#sys, path, fileOfValue(value), FILE_MODE) : -Errno.EINVAL;
      if (result === 0) continue;
      this.#unexported.add(name);
      this.#cannotWrite(path, -result);
    }
    this.#dump(true);
  }

  /** After a startup file: the directory is all there is, but for what belongs to the user the container runs as. */
  reload(): void {
    const directory = this.#read();
    if (directory === null) return;
    const before = this.variables;
    this.variables = new Map();
    for (const [name, value] of this.#initial) if (PERSONAL.includes(name)) this.variables.set(name, value);
    for (const [name, value] of directory) this.variables.set(name, value);
    for (const [name, value] of this.#initial) if (this.#unexported.has(name)) this.variables.set(name, value);
    this.#dump(
      before.size !== this.variables.size || [...before].some(([name, value]) => this.variables.get(name) !== value),
    );
  }

  /** The directory's variables by name; `null` when the mechanism is off: no directory, or none that may be read. */
  #read(): Map<Bytes, Bytes> | null {
    const names = this.#sys.readdir(DIRECTORY);
    if (typeof names === "number") {
      if (names !== -Errno.ENOENT)
        this.#warnOnce(
          DIRECTORY,
          `cannot read ${DIRECTORY}: ${this.#sys.strerror(-names)}; variables of its files are left out`,
        );
      return null;
    }
    const variables = new Map<Bytes, Bytes>();
    for (const name of names.sort()) {
      const value = this.#readValue(name);
      if (value !== null) variables.set(name, value);
    }
    return variables;
  }

  #readValue(name: Bytes): Bytes | null {
    const path = `${DIRECTORY}/${name}`;
    // A mounted ConfigMap or Secret keeps its versions in `..data` and `..2026_…`, with links to the files beside them.
    if (name.startsWith("..")) return null;
    const refuse = (reason: Bytes) => {
      this.#warnOnce(name, `${path} is no variable: ${reason}; it is left out`);
      return null;
    };
    if (!isUsableName(name)) return refuse('no variable can have a "=" in its name');
    const stat = this.#sys.stat(path);
    if (typeof stat === "number") return refuse(this.#sys.strerror(-stat));
    if ((stat.mode & Mode.TypeMask) !== Mode.Regular) return refuse("it is not a regular file");
    const content = readFile(this.#sys, path);
    if (typeof content === "number") return refuse(this.#sys.strerror(-content));
    const value = valueOfFile(content);
    if (value === null) return refuse("it holds a NUL byte");
    if (name.length + value.length + "=\0".length > MAX_ENTRY_BYTES) {
      return refuse("it is longer than the 128 KiB that Linux lets a variable have");
    }
    return value;
  }

  /** @param changed `false` leaves dumps as they are if nobody else has written to them */
  #dump(changed: boolean): void {
    for (const [path, format] of DUMPS) {
      if (!changed && this.#dumped.get(path) === this.#identity(path)) continue;
      const result = replaceFile(this.#sys, path, format(this.variables), OWNER);
      if (result < 0) this.#cannotWrite(path, -result);
      else this.#dumped.set(path, this.#identity(path));
    }
  }

  #identity(path: Bytes): string {
    const stat = this.#sys.stat(path);
    return typeof stat === "number" ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  }

  /** One warning for all that fails for the same reason; the boot goes on. */
  #cannotWrite(path: Bytes, errno: number): void {
    const consequence = "its variables reach programs through their environment only, not through files";
    this.#warnOnce(`write ${errno}`, `cannot write ${path}: ${this.#sys.strerror(errno)}; ${consequence}`);
  }

  #warnOnce(subject: Bytes, message: Bytes): void {
    if (!this.#warned.has(subject)) this.#messages.warn(message);
    this.#warned.add(subject);
  }
}

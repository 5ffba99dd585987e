import { formatEnvironBlock, parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { becomeAccount, findAccount } from "../base/credentials.ts";
import { execCommand } from "../base/exec.ts";
import { writeAll } from "../base/files.ts";
import { type Bytes, Errno, Open, type Sys } from "../sys.ts";
import { parseEmulation } from "./emulation.ts";
import { applyEnvDir } from "./env-dir.ts";
import { type ChpstOptions, HARD_LIMIT, type Lock, parseChpstOptions, USAGE } from "./options.ts";

const EXIT_USAGE = 100;
const EXIT_FAILURE = 111;
const LOCK_EXCLUSIVE = 2;
const LOCK_NO_WAIT = 4;

/**
 * Changes this process's state as the options say and becomes the program. Returns, with the exit code, only when it could not. Called
 * by the name of a daemontools command, it reads that command's arguments.
 * @see docs/reference/chpst.md
 */
export function chpst(sys: Sys): number {
  const [path = "", ...args] = sys.args;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const emulated = parseEmulation(name, args);
  const options = emulated ?? parseChpstOptions(args);
  if (typeof options === "string") {
    writeAll(sys, 2, emulated === null ? `chpst: ${options}\n${USAGE}\n` : `${options}\n`);
    return EXIT_USAGE;
  }
  const problem = run(sys, options);
  if (options.lock?.quiet) return 0;
  writeAll(sys, 2, `${emulated === null ? "chpst" : name}: ${problem}\n`);
  return EXIT_FAILURE;
}

/** The first thing that went wrong. */
function run(sys: Sys, options: ChpstOptions): string {
  const variables = parseEnvironBlock(sys.environ);
  const searchPath = variables.get("PATH");
  // Whatever is named is looked for before the root changes.
  const account = options.user === null ? null : findAccount(sys, options.user);
  if (typeof account === "string") return `cannot become "${options.user}": ${account}`;
  const problem = options.envDir === null ? null : applyEnvDir(sys, options.envDir, variables);
  if (problem !== null) return problem;
  if (options.envUser !== null) {
    const named = findAccount(sys, options.envUser);
    if (typeof named === "string") return `cannot set UID and GID for "${options.envUser}": ${named}`;
    variables.set("UID", `${named.uid}`).set("GID", `${named.gid}`);
  }
  const [name = "", ...args] = options.command;
  return (
    changeRoot(sys, options.root) ??
    changeDirectory(sys, options.directory) ??
    failure(sys, `add ${options.nice} to the nice value`, options.nice === 0 ? 0 : sys.nice(options.nice)) ??
    setLimits(sys, options.limits) ??
    // Unlike a login, only groups that are named are taken on.
    (account && becomeAccount(sys, options.user?.includes(":") ? account : { ...account, groups: [account.gid] })) ??
    takeLock(sys, options.lock) ??
    detach(sys, options) ??
    execCommand(sys, name, [options.argv0 ?? name, ...args], formatEnvironBlock(variables), searchPath)
  );
}

function changeRoot(sys: Sys, root: Bytes | null): string | null {
  if (root === null) return null;
  return (
    failure(sys, `change to the directory ${root}`, sys.chdir(root)) ??
    failure(sys, `change the root to ${root}`, sys.chroot("."))
  );
}

function changeDirectory(sys: Sys, directory: Bytes | null): string | null {
  return directory === null ? null : failure(sys, `change to the directory ${directory}`, sys.chdir(directory));
}

/** Lowers soft limits, as softlimit does; never above the hard ones. */
function setLimits(sys: Sys, limits: ReadonlyMap<number, number>): string | null {
  for (const [resource, wanted] of limits) {
    const { hard } = sys.getrlimit(resource);
    const soft = wanted === HARD_LIMIT || (hard >= 0 && wanted > hard) ? hard : wanted;
    const problem = failure(sys, `set the limit ${resource} to ${soft}`, sys.setrlimit(resource, soft, hard));
    if (problem !== null) return problem;
  }
  return null;
}

/** The program keeps the lock, and with it a descriptor, for as long as it runs. */
function takeLock(sys: Sys, lock: Lock | null): string | null {
  if (lock === null) return null;
  const { path, waits } = lock;
  const fd = sys.open(path, Open.Write | Open.Create | Open.Append | Open.NonBlock, 0o600);
  if (fd < 0) return failure(sys, `open the lock ${path}`, fd);
  let result: number;
  do result = sys.flock(fd, waits ? LOCK_EXCLUSIVE : LOCK_EXCLUSIVE | LOCK_NO_WAIT);
  while (result === -Errno.EINTR);
  if (result === -Errno.EAGAIN) return `cannot lock ${path}: another process holds it`;
  if (result < 0) return failure(sys, `lock ${path}`, result);
  // Only a duplicate stays open after exec; it takes the place of what open gave.
  const spare = sys.open("/", Open.Read, 0);
  result = spare < 0 ? spare : sys.dup2(fd, spare);
  if (result >= 0) result = sys.dup2(spare, fd);
  sys.close(spare);
  return failure(sys, `keep the lock ${path} open`, result);
}

function detach(sys: Sys, { session, close }: ChpstOptions): null {
  // It fails for the leader of a session, who has what was asked for.
  if (session) sys.setsid();
  for (const fd of close) sys.close(fd);
  return null;
}

function failure(sys: Sys, what: string, result: number): string | null {
  return result < 0 ? `cannot ${what}: ${sys.strerror(-result)}` : null;
}

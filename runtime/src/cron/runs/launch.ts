import { type Account, memberOf } from "../../../../lib/linux/accounts.ts";
import type { Children } from "../../base/children.ts";
import { findAccount } from "../../base/credentials.ts";
import { readFile } from "../../base/files.ts";
import { type Bytes, Open, type Sys } from "../../sys.ts";
import type { Job } from "../job.ts";
import { mailFor } from "./mail.ts";
import { environmentOf, startProgram } from "./program.ts";
import type { Follower } from "./run.ts";

/** The group that may read the container's environment. */
const ENVIRONMENT_GROUP = "docker_env";

/** Everything that {@link launch} needs, besides the job. */
export interface Launcher {
  readonly sys: Sys;
  readonly children: Children;
  /** The container's environment. */
  readonly container: ReadonlyMap<Bytes, Bytes>;
  /** Reports what goes wrong with a job's mail. */
  failed(job: Job, reason: Bytes): void;
}

/** A job that was started. */
export interface Launch {
  readonly pid: number;
  /** Gets the output too; `null` when nobody is to have it as mail. */
  readonly mail: Follower | null;
}

/**
 * Starts a job.
 *
 * @param note called with the end of the job's pipe to read from, before the job is started
 * @returns what was started, or why it was not
 */
export function launch(
  { sys, children, container, failed }: Launcher,
  job: Job,
  note: (reader: number) => void,
): Launch | string {
  const account = findAccount(sys, job.user);
  if (typeof account === "string") return account;
  // A name without an entry could be taken for the number of another.
  if (account.name !== job.user) return `there is no user "${job.user}" in /etc/passwd`;
  const pipe = outputPipe(sys);
  if (typeof pipe === "number") return `cannot make a pipe: ${sys.strerror(-pipe)}`;
  const [reader, writer] = pipe;
  // So that the job may open /dev/stdout.
  sys.chown(`/proc/self/fd/${writer}`, account.uid, account.gid);
  const variables = environmentOf(job, account, mayHave(sys, job, account) ? container : new Map());
  note(reader);
  const pid = startProgram(sys, job, account, variables, writer);
  sys.close(writer);
  if (typeof pid === "string") {
    sys.close(reader);
    return pid;
  }
  const told = (reason: Bytes) => failed(job, reason);
  return { pid, mail: mailFor(job, { sys, children, variables, account, failed: told }) };
}

/** Whether a job gets the container's environment: root wrote its table, or its user may read it anyway. */
function mayHave(sys: Sys, job: Job, { uid, name, groups }: Account): boolean {
  if (job.isRoots || uid === 0 || uid === sys.getuid()) return true;
  const group = readFile(sys, "/etc/group");
  return typeof group === "string" && memberOf(group, ENVIRONMENT_GROUP, name ?? "", groups);
}

/** Makes a pipe: the end to read from does not wait and survives a restart in place, the other does neither. `-errno` where it cannot. */
function outputPipe(sys: Sys): [number, number] | number {
  const pipe = sys.pipe();
  if (typeof pipe === "number") return pipe;
  const [reader, shared] = pipe;
  const own = sys.open(`/proc/self/fd/${reader}`, Open.Read | Open.NonBlock, 0);
  const writer = own < 0 ? own : sys.open(`/proc/self/fd/${shared}`, Open.Write, 0);
  const result = writer < 0 ? writer : sys.dup2(own, reader);
  if (own >= 0) sys.close(own);
  sys.close(shared);
  if (result >= 0) return [reader, writer];
  sys.close(reader);
  if (writer >= 0) sys.close(writer);
  return result;
}

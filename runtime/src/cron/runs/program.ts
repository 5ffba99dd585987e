import { variablesOf } from "../../../../lib/cron/environment.ts";
import type { Account } from "../../../../lib/linux/accounts.ts";
import { formatEnvironBlock } from "../../../../lib/linux/environment.ts";
import { anonymousFile } from "../../base/anonymous-file.ts";
import { idsToTake } from "../../base/credentials.ts";

import { isDirectory } from "../../base/files.ts";
import { explain, type Program, spawn } from "../../base/programs.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";
import type { Job } from "../job.ts";

const DEFAULT_PATH = "/usr/bin:/bin";

/**
 * A job's environment: the container's where the job gets it, then what cron says about the user, then the crontab's own lines, which cannot change whose
 * job it is. @see crontab(5)
 */
export function environmentOf(
  job: Pick<Job, "environment" | "user">,
  account: Account,
  container: ReadonlyMap<Bytes, Bytes>,
): Map<Bytes, Bytes> {
  const variables = new Map(container);
  if (!variables.has("PATH")) variables.set("PATH", DEFAULT_PATH);
  variables.set("SHELL", "/bin/sh").set("HOME", account.home);
  for (const [name, value] of variablesOf(job.environment)) variables.set(name, value);
  const name = account.name ?? job.user;
  return variables.set("LOGNAME", name).set("USER", name);
}

/**
 * Starts a job with `output` as its stdout and stderr.
 *
 * @param variables its environment, as {@link environmentOf} returns it
 * @returns the pid, or why it cannot be started
 */
export function startProgram(
  sys: Sys,
  job: Job,
  account: Account,
  variables: ReadonlyMap<Bytes, Bytes>,
  output: number,
): number | string {
  const { program } = job;
  const shell = variables.get("SHELL") ?? "/bin/sh";
  const path = typeof program === "string" ? program : shell;
  const argv = typeof program === "string" ? [program] : [shell, "-c", program.text];
  const input = typeof program === "string" || program.input === null ? null : fileOf(sys, program.input);
  if (input !== null && input < 0) return `cannot give it its input: ${sys.strerror(-input)}`;
  const home = typeof program === "string" ? "/" : (variables.get("HOME") ?? "/");
  const started: Program = {
    path,
    argv,
    env: formatEnvironBlock(variables),
    cwd: isDirectory(sys, home) ? home : "/",
    stdio: [input ?? -1, output, output],
    flags: SpawnFlag.Session,
    ids: idsToTake(sys, account),
  };
  const pid = spawn(sys, started);
  if (input !== null) sys.close(input);
  return pid > 0 ? pid : `cannot start ${path}: ${explain(sys, path, -pid)}`;
}

/** An anonymous file with this content, to be read from its start; `-errno`. */
export function fileOf(sys: Sys, content: Bytes): number {
  const fd = anonymousFile(sys, "cron-input");
  if (fd < 0) return fd;
  for (let at = 0; at < content.length; ) {
    const written = sys.pwrite(fd, content.slice(at), at);
    if (written <= 0) {
      sys.close(fd);
      return written || -5;
    }
    at += written;
  }
  return fd;
}

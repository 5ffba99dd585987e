import { formatEnvironBlock, parseEnvironBlock } from "../../../lib/linux/environment.ts";
import { becomeAccount, findAccount } from "../base/credentials.ts";
import { execCommand } from "../base/exec.ts";
import { writeAll } from "../base/files.ts";
import type { Bytes, Sys } from "../sys.ts";

const USAGE = "usage: setuser USER COMMAND [ARGS...]";

/**
 * Runs a command as another user, in place of this process. Returns, with the exit code, only when it could not.
 * @see docs/reference/setuser.md
 */
export function setuser(sys: Sys): number {
  const [, spec, ...command] = sys.args;
  const [name] = command;
  writeAll(
    sys,
    2,
    `${spec === undefined || name === undefined ? USAGE : `setuser: ${become(sys, spec, name, command)}`}\n`,
  );
  return 1;
}

function become(sys: Sys, spec: Bytes, name: Bytes, command: readonly Bytes[]): string {
  const account = findAccount(sys, spec);
  if (typeof account === "string") return `cannot run ${name} as "${spec}": ${account}`;
  const environment = parseEnvironBlock(sys.environ);
  environment.set("HOME", account.home).set("UID", `${account.uid}`);
  for (const variable of ["USER", "LOGNAME"]) {
    // The caller's name would be wrong for an id that has none.
    if (account.name === null) environment.delete(variable);
    else environment.set(variable, account.name);
  }
  return (
    becomeAccount(sys, account) ??
    execCommand(sys, name, command, formatEnvironBlock(environment), environment.get("PATH"))
  );
}

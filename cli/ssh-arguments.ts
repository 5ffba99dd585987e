import { type Container, execArguments } from "./container.ts";

/** As ssh itself ends when there is no connection. */
export const FAILED = 255;

/** What the user wants. */
export interface Login {
  readonly user: string;
  /** File of a key; the insecure key of the image without one. */
  readonly identity: string | undefined;
  /** For `ssh -o`. */
  readonly options: readonly string[];
  /** A terminal also for a command. */
  readonly terminal: boolean;
  /** Empty for a shell. */
  readonly command: readonly string[];
}

/**
 * Arguments of ssh. The connection is the engine's `exec` of one more sshd with the container's configuration and host keys: that
 * reaches every container, on whatever network or machine.
 *
 * @param sshd path of the program in the container
 * @param files of this login only: the image's insecure key, and the container's host keys under its id
 */
export function sshArguments(
  container: Container,
  sshd: string,
  login: Login,
  files: { readonly key: string; readonly knownHosts: string },
): string[] {
  const proxy = [container.engine, ...execArguments(container, { user: "0" }), sshd, "-i"].join(" ");
  // ssh takes the first value of an option: the user's come first, and the configuration of the machine is left out.
  return [
    ["-F", "none"],
    login.options.flatMap((option) => ["-o", option]),
    ["-i", login.identity ?? files.key, "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey"],
    ["-o", `HostKeyAlias=${container.id}`, "-o", "StrictHostKeyChecking=yes", "-o", "CheckHostIP=no"],
    ["-o", `UserKnownHostsFile=${files.knownHosts}`, "-o", "GlobalKnownHostsFile=none", "-o", "UpdateHostKeys=no"],
    ["-o", `ProxyCommand=${proxy}`, "-o", "LogLevel=ERROR"],
    login.terminal ? ["-t"] : [],
    ["-l", login.user, "--", container.name, ...login.command],
  ].flat();
}

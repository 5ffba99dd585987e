import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NOT_STARTED, run } from "../host/command.ts";
import { Failure } from "../host/failure.ts";
import { foreground } from "../host/foreground.ts";
import { ask, findContainer } from "./container.ts";
import { FAILED, type Login, sshArguments } from "./ssh-arguments.ts";
import { PROBE, readProbe, whyNoLogin } from "./ssh-probe.ts";
import type { Verb } from "./verb.ts";

/** `shipshape ssh`, `docker-ssh`: a login by SSH into a container, whatever its network. */
export const ssh: Verb = {
  link: "docker-ssh",
  options: [
    {
      letter: "i",
      value: "FILE",
      help: "with this key of your own; by default with the insecure key of the container's image",
    },
    { letter: "l", value: "USER", help: "as this user; by default as root" },
    {
      letter: "o",
      value: "OPTION",
      many: true,
      help: "one more option for ssh, as its manual has them: -o 'LocalForward 8080 localhost:80'",
    },
    { letter: "t", help: "gives the command a terminal" },
  ],
  operands: "CONTAINER [COMMAND ...]",
  first: "container",
  summary: "log in to a container by SSH, or run a command there",
  details: [
    "The words of COMMAND are joined and read by the user's shell, as ssh does. The exit code is the command's; 255 when the login failed.",
  ],
  prepare({ options, operands: [name = "", ...command] }) {
    if (name === "") return "which container?";
    const given = new Map(options);
    const login: Login = {
      user: given.get("l") ?? "root",
      identity: given.get("i"),
      options: options.filter(([letter]) => letter === "o").map(([, option]) => option),
      terminal: given.has("t"),
      command,
    };
    return () => logIn(name, login);
  },
};

async function logIn(name: string, login: Login): Promise<number> {
  const purpose = `log in to ${name} by SSH`;
  const fail = (reason: string): Failure => new Failure(`cannot ${purpose}: ${reason}`, FAILED);
  if ((await run("ssh", ["-V"])).code === NOT_STARTED)
    throw fail("there is no ssh on this machine: install openssh-client");
  const container = await findContainer(name, purpose, FAILED);
  const probe = readProbe(await ask(container, ["sh", "-c", PROBE, "sh", login.user], { user: "0" }));
  const problem = whyNoLogin(probe, container, login);
  if (problem !== null) throw fail(problem);

  // Nobody else may read the directory, and it is gone when the login ends.
  const directory = mkdtempSync(join(tmpdir(), "shipshape-ssh-"));
  try {
    const files = { key: join(directory, "key"), knownHosts: join(directory, "known_hosts") };
    writeFileSync(files.key, probe.insecureKey, { mode: 0o600 });
    writeFileSync(files.knownHosts, probe.hostKeys.map((key) => `${container.id} ${key}\n`).join(""));
    return await foreground("ssh", sshArguments(container, probe.sshd, login, files));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

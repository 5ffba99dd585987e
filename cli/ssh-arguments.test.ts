import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Login, sshArguments } from "./ssh-arguments.ts";

const container = { engine: "podman", id: "c0ffee", name: "web" } as const;
const files = { key: "/tmp/x/key", knownHosts: "/tmp/x/known_hosts" };
const login: Login = { user: "root", identity: undefined, options: [], terminal: false, command: [] };
const args = (changes: Partial<Login> = {}): string[] =>
  sshArguments(container, "/usr/sbin/sshd", { ...login, ...changes }, files);
/** The first value of an option: ssh takes no other. */
const option = (of: readonly string[], name: string): string | undefined =>
  of.find((word, index) => of[index - 1] === "-o" && word.startsWith(`${name}=`))?.slice(name.length + 1);

test("sshArguments() reaches sshd by the engine, and checks it against the container's own keys", () => {
  const built = args();
  equal(option(built, "ProxyCommand"), "podman exec --interactive --user 0 c0ffee /usr/sbin/sshd -i");
  equal(option(built, "StrictHostKeyChecking"), "yes");
  equal(option(built, "UserKnownHostsFile"), files.knownHosts);
  equal(option(built, "HostKeyAlias"), "c0ffee");
  deepEqual(built.slice(built.indexOf("-l")), ["-l", "root", "--", "web"]);
});

test("sshArguments() uses the insecure key, or the key that is given", () => {
  const key = (of: readonly string[]): string | undefined => of[of.indexOf("-i") + 1];
  equal(key(args()), files.key);
  equal(key(args({ identity: "/home/me/.ssh/id" })), "/home/me/.ssh/id");
});

test("sshArguments() puts the user's options before its own, and the command last", () => {
  const built = args({ options: ["LogLevel=DEBUG"], terminal: true, user: "app", command: ["ls", "-l"] });
  equal(option(built, "LogLevel"), "DEBUG");
  ok(built.includes("-t"));
  deepEqual(built.slice(-4), ["--", "web", "ls", "-l"]);
});

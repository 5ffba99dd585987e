// @daemon

import { Daemon } from "../cron/daemon.ts";
import { kernel } from "../kernel/binding.ts";
import { spawn } from "../kernel/programs.ts";
import { SpawnFlag } from "../sys.ts";

const SELF = "/proc/self/exe";
const [, first = "", ...rest] = kernel.args;

function fail(what: string, error: number): never {
  kernel.write(2, `cron: cannot start ${what}: ${kernel.strerror(-error)}\n`);
  kernel.exit(126);
}

if (first === "") {
  // As Debian's cron, which startup files call that way.
  const argv = ["cron", "-f"];
  const pid = spawn(kernel, { path: SELF, argv, env: kernel.environ, cwd: "/", flags: SpawnFlag.Session });
  if (pid < 0) fail("in the background", pid);
  kernel.exit(0);
} else if (first.startsWith("-") && first !== "-h" && first !== "--help") {
  // -f; the others that Debian's cron has say how it logs.
  const { loop } = new Daemon(kernel);
  globalThis.tick = () => loop.tick();
} else {
  // Another command, so that the daemon does not carry its code and Ctrl-C ends it as it ends any other.
  fail("cronctl", kernel.execve(SELF, ["cronctl", first, ...rest].join("\0"), kernel.environ));
}

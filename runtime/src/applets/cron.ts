// @daemon

import { kernel } from "../base/binding.ts";
import { Daemon } from "../cron/daemon.ts";

const [, first = "", ...rest] = kernel.args;
if (first.startsWith("-") && first !== "-h" && first !== "--help") {
  // -f; the others that Debian's cron has say how it logs.
  const { loop } = new Daemon(kernel);
  globalThis.tick = () => loop.tick();
} else {
  // Another command, so that the daemon does not carry its code and Ctrl-C ends it as it ends any other.
  const error = kernel.execve("/proc/self/exe", ["cronctl", first, ...rest].join("\0"), kernel.environ);
  kernel.write(2, `cron: cannot start cronctl: ${kernel.strerror(-error)}\n`);
  kernel.exit(126);
}

// @daemon

import { kernel } from "../../src/base/binding.ts";
import { behaviours } from "../../src/fake/sys-suite.ts";

// The behaviours that the fake promises, on the real kernel: one line each, then the end.

const say = (line: string) => kernel.write(1, `${line}\n`);
const open = () => kernel.readdir("/proc/self/fd");

for (const [index, { name, run }] of behaviours.entries()) {
  const dir = `/tmp/suite-${index}`;
  kernel.mkdir(dir, 0o755);
  const before = open();
  try {
    run(kernel, dir);
    say(`passed ${name}`);
  } catch (error) {
    say(`failed ${name}: ${String(error)}`);
  }
  if (JSON.stringify(open()) !== JSON.stringify(before)) say(`failed ${name}: it left descriptors open: ${open()}`);
}
kernel.exit(0);

// @daemon
// @frozen

import { kernel } from "../base/binding.ts";
import { startInit } from "../init/init.ts";
import { help, parseOptions, USAGE } from "../init/options.ts";
import { isServedAlready } from "../init/other-init.ts";

// All that comes before a first start is done at build time.
globalThis.main = () => {
  const parsed = parseOptions(kernel.args.slice(1));
  if (parsed.kind === "help") {
    kernel.write(1, help());
    kernel.exit(0);
  } else if (parsed.kind === "usage") {
    kernel.write(2, `${USAGE}my_init: error: ${parsed.problem}\n`);
    kernel.exit(2);
  } else if (parsed.kind === "conflict") {
    kernel.write(2, `*** ${parsed.problem}\n`);
    kernel.exit(1);
  } else if (!parsed.options.skipServices && isServedAlready(kernel)) {
    const instead = "sv controls its services, and a command needs no my_init";
    kernel.write(2, `*** my_init runs in this container already: ${instead}\n`);
    kernel.exit(1);
  } else {
    const { loop, life } = startInit(kernel, parsed.options);
    let fault: unknown = null;
    life.then(
      (code) => kernel.exit(code),
      (error: unknown) => {
        fault = error;
      },
    );
    globalThis.tick = () => {
      // Only a bug gets here. main.c tells it, starts again in place, and counts how often that happens.
      if (fault !== null) throw fault;
      loop.tick();
    };
  }
};

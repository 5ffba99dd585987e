// @daemon

import { kernel } from "../kernel/binding.ts";
import { startLogDaemon } from "../log/daemon.ts";

const daemon = startLogDaemon(kernel);
globalThis.tick = () => daemon.loop.tick();

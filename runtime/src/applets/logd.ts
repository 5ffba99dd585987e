// @daemon

import { kernel } from "../base/binding.ts";
import { startLogDaemon } from "../log/daemon.ts";

const daemon = startLogDaemon(kernel);
globalThis.tick = () => daemon.loop.tick();
